"""Looks at the clocks of zones, every minute around every clock change, with Python's zoneinfo.

Reads {"zones": [...], "years": [first, last], "expressions": [[hours, minutes, kind], ...],
"spans": [[days, from, to], ...]} on standard input. Finds the clock changes by itself, and prints
one line of JSON for each: {"zone", "from", "to", "runs", "open"}, times in minutes since 1970.
"""

import json
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
AROUND = timedelta(hours=36)


def changes(zone, first, last):
    """The first minute after each change of the zone's offset."""
    at, end = (datetime(year, 1, 1, tzinfo=timezone.utc) for year in (first, last + 1))
    offset = lambda at: at.astimezone(zone).utcoffset()
    before = offset(at)
    while at < end:
        following = at + timedelta(hours=1)
        after = offset(following)
        if after != before:
            while offset(at) == before:
                at += MINUTE
            yield at
        at, before = following, after


def readings(zone, start, end):
    at = start
    while at <= end:
        local = at.astimezone(zone)
        yield int(at.timestamp()) // 60, local.replace(tzinfo=None, fold=0), local.fold
        at += MINUTE


def runs(seen, hours, minutes, kind):
    """When an expression of these hours and minutes runs.

    Wildcard hours run whenever the clock shows them, and right after a gap for what it swallowed:
    for anything if the hours are stepped, for the hour that the clock is in if all are named. Fixed
    hours run when their first pass shows them, or right after the gap that swallowed them.
    """
    hours, minutes = set(hours), set(minutes)
    due = lambda wall: wall.hour in hours and wall.minute in minutes
    previous = None
    for at, wall, fold in seen:
        run = due(wall) and (kind != "fixed" or fold == 0)
        skipped = previous + MINUTE if previous else wall
        while skipped < wall:
            same_hour = skipped.replace(minute=0) == wall.replace(minute=0)
            run = run or due(skipped) and (kind != "all" or same_hour)
            skipped += MINUTE
        if run and previous is not None:
            yield at
        previous = wall


def is_open(wall, days, begin, end):
    """Whether a span of the day, in minutes, holds a reading; 0 is Sunday."""
    minute = wall.hour * 60 + wall.minute
    today = wall.isoweekday() % 7
    if begin < end:
        return today in days and begin <= minute < end
    return today in days and minute >= begin or (today - 1) % 7 in days and minute < end


def main():
    question = json.load(sys.stdin)
    for name in question["zones"]:
        zone = ZoneInfo(name)
        for change in changes(zone, *question["years"]):
            start, end = change - AROUND, change + AROUND
            seen = list(readings(zone, start, end))
            answer = {
                "zone": name,
                "from": seen[0][0],
                "to": seen[-1][0],
                "runs": [list(runs(seen, *expression)) for expression in question["expressions"]],
                "open": [
                    [at for at, wall, _ in seen if is_open(wall, *span)]
                    for span in question["spans"]
                ],
            }
            print(json.dumps(answer))


main()
