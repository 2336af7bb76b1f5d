"""Which host gets which lesion, when only numbers are asked for."""

from __future__ import annotations

from collections.abc import Sequence

from pseudohealthy.errors import CohortError
from pseudohealthy.virtual.cohort import Group
from pseudohealthy.virtual.painted_cohort import Wanted


def share_hosts(hosts: Sequence[str], groups: Sequence[Group]) -> list[Wanted]:
    """Give each split hosts of its own, and each group the hosts of its split in turn.

    A split gets as many hosts as its largest group has scans, as far as they go round; where all groups are of one
    split, hosts that are used up begin again with the next copy.

    Args:
        hosts: Names, in the order in which they are taken.
        groups: Kinds, numbers and splits.

    Raises:
        CohortError: There are fewer hosts than the splits need, or than healthy scans.
    """
    splits = {group.split: max(one.n for one in groups if one.split == group.split) for group in groups}
    needed = sum(splits.values())
    if len(splits) > 1 and needed > len(hosts):
        raise CohortError(
            "hosts",
            found=f"{len(hosts)}",
            needed=f"{needed}: no host may be on two sides of a split",
            fix=f"Ask for fewer ({', '.join(f'{name}: {n}' for name, n in splits.items())}).",
        )
    first, own = 0, {}
    for split, n in splits.items():
        own[split] = list(hosts[first : first + n])
        first += n
    wanted = []
    for group in groups:
        there = own[group.split]
        if group.pathology == "healthy" and group.n > len(there):
            raise CohortError(
                "hosts",
                found=f"{len(there)}",
                needed=f"{group.n}: one a healthy scan",
                fix="Ask for fewer healthy scans.",
            )
        wanted += [
            Wanted(there[i % len(there)], group.pathology, 1 + i // len(there), group.split) for i in range(group.n)
        ]
    return wanted
