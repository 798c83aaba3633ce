# SPDX-License-Identifier: Apache-2.0
"""Speed and size, beside Redis Sentinel and HAProxy: ./dev bench [NAME…] [OPTION…]

Prints Markdown, with the figures that were measured, the targets, and whether they were met.
docs/BENCHMARKS.md says what each measurement does. The programs are those in build/release/bin, or
in $RELINKD_PROGRAMS. Everything happens in namespaces that end with this program.
"""

import argparse
import json
import os
import pathlib
import resource
import sys

HERE = pathlib.Path(__file__).resolve().parent
SUPPORT = HERE.parent / "support"
NAMES = ("one", "scale", "detect", "failover", "outage", "census", "tracing")
# How the arguments reach measure() across the change of namespaces.
HANDOVER = "RELINKD_BENCH"


def parse() -> argparse.Namespace:
    def positive(text: str) -> int:
        value = int(text)
        if value < 1:
            raise ValueError
        return value

    parser = argparse.ArgumentParser(
        prog="./dev bench", description="Speed and size, beside Redis Sentinel and HAProxy."
    )
    # No choices=: argparse would check the empty list of names against them.
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help=f"{', '.join(NAMES)} (default: all of them)")
    parser.add_argument("--trials", type=positive,
                        help="of each kind: cuts (default: detect 30, outage 20), failovers (10)")
    parser.add_argument("--patience", type=positive, default=10, metavar="SECONDS",
                        help="detect: then a cut counts as not noticed (default: %(default)s)")
    parser.add_argument("--seconds", type=positive, default=30,
                        help="scale, census, tracing: length of each measurement of CPU (default: %(default)s)")
    options = parser.parse_args()
    options.names = options.names or NAMES
    for name in options.names:
        if name not in NAMES:
            parser.error(f"there is no measurement {name!r}; there are {', '.join(NAMES)}")
    return options


def measure(config: object) -> int:
    """Runs inside the namespaces."""
    del config  # pytest's own
    import census
    import detect
    import failover
    import one
    import outage
    import report
    import scale
    import tracing

    options = argparse.Namespace(**json.loads(os.environ[HANDOVER]))
    # The 10,000 connections of `scale` with the servers at their other end, the sockets of `census`.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    report.show(report.machine())
    modules = {
        "census": census, "detect": detect, "failover": failover, "one": one, "outage": outage,
        "scale": scale, "tracing": tracing,
    }
    for name in options.names:
        modules[name].measure(options)
    return 0


# isolated.py hands its arguments to pytest in the new namespaces. As a plugin of pytest this module
# takes the place of a run of tests.
pytest_cmdline_main = measure


def main() -> None:
    options = parse()
    os.environ[HANDOVER] = json.dumps(vars(options))
    os.environ["PYTHONPATH"] = str(HERE)
    # A measurement that cannot be made has failed.
    os.environ["RELINKD_REQUIRE_ALL"] = "1"
    # The folder without tests keeps pytest from reading anybody's configuration.
    os.chdir(HERE)
    plugin = ["-s", "-p", pathlib.Path(__file__).stem]
    os.execv(sys.executable, [sys.executable, "-B", str(SUPPORT / "isolated.py"), *plugin])


if __name__ == "__main__":
    main()
