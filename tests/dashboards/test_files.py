# SPDX-License-Identifier: Apache-2.0
"""Dashboards and rules as files: what can be said of them without any data. Each check is shown to
find the faults that it is for."""

import concurrent.futures
import copy
import json
import re
import shutil
import subprocess
import sys

import places
import pytest
from places import BOARDS, DASHBOARDS, HERE, RULES, TOP, node, promtool


@pytest.fixture(scope="module", autouse=True)
def programs():
    places.bring_programs()


def test_the_files_are_what_the_source_gives(tmp_path):
    subprocess.run([sys.executable, "-B", DASHBOARDS / "generate.py", tmp_path], check=True, timeout=60)
    made = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert made == {file.name: file.read_text() for file in BOARDS}, "run dashboards/generate.py"
    assert len(made) == 3


# ------------------------------------------------------------------------------- form and linter


@pytest.mark.parametrize("program", ["schema.mjs", "lint.mjs"])
def test_the_dashboards_have_no_finding(program):
    done = node(program, *BOARDS)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def panel(board, kind):
    return next(one for one in board["panels"] if one["type"] == kind)


def replaced(pattern, by):
    """Changes the first query of the first panel with such a query."""

    def plant(board):
        for one in board["panels"]:
            for target in one.get("targets", []):
                if re.search(pattern, target["expr"]):
                    target["expr"] = re.sub(pattern, by, target["expr"], count=1)
                    return
        raise AssertionError(f"no query has {pattern}")

    return plant


def put(kind, *path, value):
    def plant(board):
        place = panel(board, kind) if kind else board
        for step in path[:-1]:
            place = place[step]
        assert place.get(path[-1]) != value
        place[path[-1]] = value

    return plant


def take(kind, *path):
    def plant(board):
        place = panel(board, kind) if kind else board
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return plant


VARIABLES = ("templating", "list")
FORM = {
    "an option that there is not": put("stat", "options", "colourMode", value="value"),
    "a word that an option does not have": put("timeseries", "options", "tooltip", "mode", value="all"),
    "a type of panel": put("table", "type", value="tabel"),
    "a number as text": put("timeseries", "gridPos", "w", value="12"),
    "a key of fields": put("table", "fieldConfig", "defaults", "units", value="s"),
    "a key of kinds' own fields": put("timeseries", "fieldConfig", "defaults", "custom", "lineWeight", value=1),
    "a key of queries": put("stat", "targets", 0, "expression", value="up"),
    "a key of dashboards": put(None, "time_zone", value="utc"),
    "a missing schema version": take(None, "schemaVersion"),
}
LINT = {
    "1 data source's name": put(None, *VARIABLES, 0, "name", value="source"),
    "2 one job at a time": put(None, *VARIABLES, 1, "multi", value=False),
    "2 all instances": put(None, *VARIABLES, 2, "allValue", value=".*"),
    "3 a variable's query": put(None, *VARIABLES, 2, "query", value={"query": "label_value(up, instance)"}),
    "3 a variable's PromQL": put(None, *VARIABLES, 2, "query", value={"query": "label_values(up{, instance)"}),
    "4 a variable that gets old": put(None, *VARIABLES, 1, "refresh", value=1),
    "5 a fixed data source": put("stat", "datasource", value={"type": "prometheus", "uid": "prom"}),
    "6 no title": put("table", "title", value=""),
    "6 no description": take("table", "description"),
    "7 no unit": take("timeseries", "fieldConfig", "defaults", "unit"),
    "8 no query": put("timeseries", "targets", value=[]),
    "9 a bracket": replaced(r"\($|\)$", ""),
    "10 a fixed window": replaced(r"rate\((\w+\{[^}]*\})\[\$__rate_interval\]", r"rate(\1[5m]"),
    "11 no job": replaced(r'job=~"\$job", ', ""),
    "12 no instance": replaced(r'instance=~"\$instance"', ""),
    "13 a bare counter": replaced(r"increase\((\w+\{[^}]*\})\[[^]]*\]\)", r"\1"),
    "14 editable": put(None, "editable", value=True),
    "an id twice": put("table", "id", value=1),
    "a link that leads nowhere": lambda board: replaced_link(board),
}


def replaced_link(board):
    for one in board["panels"]:
        text = json.dumps(one)
        if "/d/relinkd-" in text:
            one.update(json.loads(text.replace("/d/relinkd-", "/d/relinkt-")))
            return
    raise AssertionError("no panel has a link")


def plant_in_some(fault, folder):
    """Into the first dashboard that the fault fits."""
    for file in BOARDS:
        board = copy.deepcopy(json.loads(file.read_text()))
        try:
            fault(board)
        except (AssertionError, StopIteration):
            continue
        (folder / file.name).write_text(json.dumps(board))
        return folder / file.name
    raise AssertionError("the fault fits no dashboard")


@pytest.mark.parametrize(("program", "faults"), [("schema.mjs", FORM), ("lint.mjs", LINT)])
def test_the_check_finds(program, faults, tmp_path):
    # All at once: to make the schema takes seconds.
    files = []
    for number, fault in enumerate(faults.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        files.append(plant_in_some(fault, folder).rename(tmp_path / f"fault-{number}.json"))
    # The others, which links lead to.
    done = node(program, *files, *BOARDS)
    print(done.stdout)
    assert done.returncode == 1, done.stderr
    found = set(re.findall(r"^([\w-]+)\.json:", done.stdout, re.M))
    assert found == {file.stem for file in files}, [
        name for number, name in enumerate(faults) if f"fault-{number}" not in found
    ]


# ----------------------------------------------------------------------------------------- rules


ALERTS = (DASHBOARDS / "rules/alerts.yml").read_text(encoding="utf-8")


def test_promtool_takes_the_rules():
    done = promtool("check", "rules", "--lint-fatal", *RULES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("pattern", "by", "told"), [
    (r"\$labels", "$lables", "undefined variable"),
    (r"expr: ", "expression: ", "field expression not found"),
    (r"> 60", ">> 60", "could not parse expression"),
    (r"( +- alert: \w+\n(?:.+\n)+)", r"\1\1", "duplicate"),
], ids=["template", "key", "expression", "twice"])
def test_promtool_finds(tmp_path, pattern, by, told):
    bad, count = re.subn(pattern, by, ALERTS, count=1)
    assert count == 1
    file = tmp_path / "alerts.yml"
    file.write_text(bad)
    done = promtool("check", "rules", "--lint-fatal", file)
    assert done.returncode != 0 and told in done.stdout + done.stderr, done.stdout + done.stderr


def run_rule_tests(folder, alerts):
    """The unit tests with these alerts in the place of the true ones."""
    rules = folder / "dashboards/rules"
    tests = folder / "tests/dashboards"
    for made in (rules, tests):
        made.mkdir(parents=True)
    for file in RULES:
        (rules / file.name).write_text(alerts if file.name == "alerts.yml" else file.read_text())
    text = (HERE / "alerts_test.yml").read_text()
    (tests / "alerts_test.yml").write_text(text)
    return promtool("test", "rules", tests / "alerts_test.yml")


PLANTED = {
    "sooner": (r"for: 2m", "for: 105s"),
    "later": (r"for: 2m", "for: 135s"),
    "a clean failover": (r"for: 2m", "for: 30s"),
    "maintenance": (r"\n +unless on \(job, instance, endpoint\)\n +\(sum .*", ""),
    "clusters": (r"\n +unless on \(job, instance, endpoint\)\n +\(count .*", ""),
    "an app that does connect": (r"\n +unless on \(job, instance, app, endpoint\)\n +\(sum .*", ""),
    "a node that is down": (r"\n +and on \(job, instance, endpoint\)\n +\(relinkd_endpoint_up == 1\)", ""),
    "a switchover": (r'\{kind!="switchover"\}', ""),
    "shards together": (r"changes\((.*)\) > 2", r"changes(\1) > 0"),
    "another label": (r"severity: critical", "severity: urgent"),
    "another limit": (r"> 60", ">= 60"),
    "held back for a moment": (r"for: 1m\n(?=.*\n.*\n.*\n.*bad connections, and)", "for: 0s\n"),
}


def test_the_alerts_fire_when_they_should_and_only_then(tmp_path):
    done = run_rule_tests(tmp_path, ALERTS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tests_of_alerts_find_faults(tmp_path):
    def outcome(name, pattern, by):
        bad, count = re.subn(pattern, by, ALERTS, count=1)
        assert count == 1, name
        done = run_rule_tests(tmp_path / name, bad)
        return done.returncode, "FAILED" in done.stdout + done.stderr

    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = {name: pool.submit(outcome, name, *fault) for name, fault in PLANTED.items()}
        outcomes = {name: one.result() for name, one in waiting.items()}
    assert outcomes == dict.fromkeys(PLANTED, (1, True))


def listed(text):
    """Name, severity and wait of each alert in the file of rules."""
    found = re.findall(
        r"- alert: (\w+)\n.*?(?:\n +for: (\w+))?\n +labels:\n +severity: (\w+)\n", text, re.S
    )
    return [(name, severity, wait or "at once") for name, wait, severity in found]


def test_the_guide_lists_the_alerts_as_they_are():
    guide = (TOP / "docs/OPERATIONS.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[.*?\]\(#\S+\) \| `(\w+)` \| (\w+) \| ([\w ]+) \|$", guide, re.M)
    assert len(rows) == 16
    assert rows == listed(ALERTS)


def test_every_alert_has_tests_and_leads_to_the_section_of_the_guide():
    tests = (HERE / "alerts_test.yml").read_text()
    guide = (TOP / "docs/OPERATIONS.md").read_text(encoding="utf-8")
    anchors = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
               for heading in re.findall(r"^### (.*)$", guide, re.M)]
    alerts = re.split(r"\n +- alert: ", ALERTS)[1:]
    assert len(alerts) == 16
    for text in alerts:
        name = text.split("\n", 1)[0]
        assert re.search(rf"alertname: {name}\n +exp_alerts: \[\]", tests), name
        assert re.search(rf"alertname: {name}\n +exp_alerts:( &\w+)?\n", tests), name
        assert re.search(r"severity: (critical|warning)\n", text), name
        url = re.search(r"runbook_url: (\S+)#(\S+)", text)
        if url is None:
            assert "annotations: *" in text, name
            continue
        assert url[1] == "file:///usr/share/doc/relinkd/OPERATIONS.md" and url[2] in anchors, name


# ---------------------------------------------------------------------------------- provisioning


def test_what_is_provisioned_is_where_it_is_installed():
    # As in dashboards/CMakeLists.txt, with the prefix of packages.
    installed = (DASHBOARDS / "CMakeLists.txt").read_text()
    assert "set(share ${CMAKE_INSTALL_DATADIR}/relinkd)" in installed
    for file, path in {
        "grafana-dashboards.yaml": "grafana/dashboards", "prometheus.yml": "prometheus/rules",
    }.items():
        assert f"/usr/share/relinkd/{path}" in (DASHBOARDS / "provisioning" / file).read_text()
        assert f"DESTINATION ${{share}}/{path})" in installed


SCRAPING = (DASHBOARDS / "provisioning/prometheus.yml").read_text(encoding="utf-8")
# What it shows in comments, as settings. Prose has one space behind the #, or stands at the left.
PROTECTED = re.sub(r"^( +)#(?! \S)", r"\1", SCRAPING, flags=re.M)


def prometheus_config(folder, text):
    """The configuration with the files of this tree."""
    config = folder / "prometheus.yml"
    config.write_text(text.replace("/usr/share/relinkd/prometheus/rules", str(DASHBOARDS / "rules"))
                      .replace("/etc/prometheus/relinkd/", f"{DASHBOARDS}/provisioning/")
                      .replace("/etc/prometheus/", f"{folder}/"))
    return config


def check_config(config):
    done = promtool("check", "config", config)
    return done.returncode, done.stdout + done.stderr


def test_prometheus_takes_its_configuration_and_finds_its_targets(tmp_path):
    config = prometheus_config(tmp_path, SCRAPING)
    code, told = check_config(config)
    assert code == 0 and "2 rule files found" in told, told
    done = promtool("check", "service-discovery", "--timeout=10s", config, "relinkd")
    found = {one["labels"]["instance"] for one in json.loads(done.stdout)}
    assert found == {"web-1.example.net", "web-2.example.net", "batch-1.example.net"}, done.stdout


@pytest.fixture
def scrapers_files(tmp_path):
    """What the configuration names in /etc/prometheus: promtool loads certificate and key."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", "/CN=scraper", "-keyout", tmp_path / "scraper.key", "-out", tmp_path / "scraper.pem"],
        check=True, capture_output=True, timeout=60,
    )
    shutil.copy(tmp_path / "scraper.pem", tmp_path / "relinkd-ca.pem")
    (tmp_path / "relinkd.pass").write_text("secret")
    return tmp_path


def test_prometheus_takes_what_the_configuration_shows_for_protected_ports(scrapers_files):
    assert PROTECTED.count("#") < SCRAPING.count("#")
    code, told = check_config(prometheus_config(scrapers_files, PROTECTED))
    assert code == 0, told


@pytest.mark.parametrize(("good", "bad", "told"), [
    ("basic_auth:", "basic_authentication:", "basic_authentication not found"),
    ("tls_config:", "tls:", "tls not found"),
    ("scraper.key", "another.key", "another.key"),
])
def test_the_check_of_the_configuration_finds(scrapers_files, good, bad, told):
    code, said = check_config(prometheus_config(scrapers_files, PROTECTED.replace(good, bad)))
    assert code == 1 and told in said, said


def test_the_guide_shows_the_same_settings_for_protected_ports():
    """docs/OPERATIONS.md is what people copy from."""
    guide = (TOP / "docs/OPERATIONS.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"^```yaml\nscrape_configs:\n(.*?)^```", guide, re.M | re.S)

    def settings(text):
        return {re.sub(r" *#.*", "", line).strip() for line in text.splitlines()} - {""}

    ours = settings(PROTECTED) & settings(shown)
    assert {"scheme: https", "tls_config:", "basic_auth:"} <= ours
    files = re.findall(r"\S+: /etc/prometheus/[\w.-]+$", "\n".join(settings(PROTECTED)), re.M)
    assert len(files) == 4 and set(files) <= ours
