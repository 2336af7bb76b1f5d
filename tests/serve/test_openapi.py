"""Whatever follows from the description, or does not, is answered and never breaks the server."""

from __future__ import annotations

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error

from pseudohealthy.serve.limits import Limits


def test_requests_made_from_the_description_never_end_in_an_error_of_the_server(start):
    server = start(limits=Limits(upload_bytes=10_000, jobs=1000))
    schema = schemathesis.openapi.from_url(f"{server.address}/openapi.json")
    addresses = [found.ok() for found in schema.get_all_operations()]
    assert {(one.method.upper(), one.path) for one in addresses} == {
        ("GET", "/api/about"),
        ("POST", "/api/scans"),
        ("GET", "/api/scans/{identifier}"),
        ("DELETE", "/api/scans/{identifier}"),
        ("GET", "/api/scans/{identifier}/{file}"),
    }
    answered: set[int] = set()
    for address in addresses:

        @settings(
            max_examples=12,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=address.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            answer = case.call(base_url=server.address)
            case.validate_response(answer, checks=[not_a_server_error])
            answered.add(answer.status_code)
            if answer.status_code >= 400 and case.method != "HEAD":
                assert set(answer.json()) == {"found", "needed", "fix"}

        ask()
    assert answered >= {200, 404}
