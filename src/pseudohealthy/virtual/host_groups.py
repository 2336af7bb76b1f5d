"""Which host gets which lesion, when only numbers are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pseudohealthy.errors import CohortError
from pseudohealthy.virtual.cohort import Group
from pseudohealthy.virtual.painted_cohort import Wanted


def share_hosts(hosts: Mapping[str, str], groups: Sequence[Group]) -> list[Wanted]:
    """Give each split people of its own, and each group the hosts of its split in turn.

    A split gets as many hosts as its largest group has scans, as far as they go round; where all groups are of one
    split, hosts that are used up begin again with the next copy.

    Args:
        hosts: Name -> subject, in the order in which they are taken. Another scan of somebody whom a split has taken
            goes to no other split.
        groups: Kinds, numbers and splits.

    Raises:
        CohortError: There are fewer hosts than the splits need, or than healthy scans.
    """
    splits = {group.split: max(one.n for one in groups if one.split == group.split) for group in groups}
    left, own = list(hosts), {}
    for split, n in splits.items():
        own[split] = left[:n]
        taken = {hosts[name] for name in own[split]}
        left = [name for name in left[n:] if hosts[name] not in taken]
    if len(splits) > 1 and any(len(own[split]) < n for split, n in splits.items()):
        raise CohortError(
            "hosts",
            found=f"{len(hosts)} of {len(set(hosts.values()))} subjects",
            needed=f"{sum(splits.values())}: nobody may be on two sides of a split",
            fix=f"Ask for fewer ({', '.join(f'{name}: {n}' for name, n in splits.items())}).",
        )
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
