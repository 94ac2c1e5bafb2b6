"""Group mode of a live connection: how all looked together in the last stretch of time, and nobody alone."""

from __future__ import annotations

from typing import Any, Final

from mien.core.moments import Moment
from mien.inference.insights.collector import Insights
from mien.inference.insights.group import GroupBin, GroupSettings

BIN_S: Final = 5.0
"""Each answer tells of the last whole stretch of this length. Shorter ones would follow single people's changes."""


class Crowd:
    """Tells of the stretch that was over last, by the rules of `mien.inference.insights.group`.

    How many faces are on the frame is told only where they are enough for a group. What is known of single people is
    forgotten with each stretch: memory stays the same however long it goes on.
    """

    def __init__(self) -> None:
        """Begin before the first frame."""
        self._settings = GroupSettings(bin_s=BIN_S)
        self._begin_s: float | None = None
        self._last: GroupBin | None = None
        self._collected = Insights(group=self._settings)

    def tell(self, moment: Moment) -> dict[str, Any]:
        """Take a frame, and return what may be told now, as plain JSON types."""
        if self._begin_s is None:
            self._begin_s = moment.time_s
        self._collected.add(moment)
        if moment.time_s >= self._begin_s + BIN_S:
            self._close(moment)
        faces = len(moment.sightings)
        nothing = {"shares": None, "valence": None, "reason": f"the first {BIN_S:g} s are not over"}
        return {
            "type": "group",
            "frame": moment.frame,
            "time_s": moment.time_s,
            "faces": faces if faces >= self._settings.min_group else None,
            "min_group": self._settings.min_group,
            **(nothing if self._last is None else self._last.to_dict()),
        }

    def _close(self, moment: Moment) -> None:
        """Keep the last stretch that is over, and begin anew."""
        group = self._collected.summarize(moment.time_s).group
        assert group is not None
        self._last = group.bins[-1]
        self._collected = Insights(group=self._settings)
        self._collected.add(moment)
        self._begin_s = moment.time_s
