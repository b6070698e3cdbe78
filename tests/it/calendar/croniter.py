"""The next times of crontab expressions, as croniter computes them.

Reads {"start": minutes since 1970, "count": N, "expressions": [...]} on standard input, and prints
one line of JSON for each: a list of minutes since 1970, shorter if no more come, or null if
croniter does not take the expression.
"""

import json
import sys

from croniter import CroniterBadCronError, CroniterBadDateError, croniter


def times(expression, start, count):
    try:
        # Crontab's own rule for a day field that begins with a star is an option of croniter's.
        found = croniter(expression, start * 60, implement_cron_bug=True)
    except CroniterBadCronError:
        return None
    minutes = []
    try:
        while len(minutes) < count:
            minutes.append(int(found.get_next(float)) // 60)
    except CroniterBadDateError:
        pass
    return minutes


question = json.load(sys.stdin)
for expression in question["expressions"]:
    print(json.dumps(times(expression, question["start"], question["count"])))
