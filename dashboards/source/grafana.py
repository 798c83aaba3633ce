# SPDX-License-Identifier: Apache-2.0
"""Grafana's dashboard JSON (the classic model, schema version 39: Grafana 11 and later read it), as
far as relinkd's dashboards use it. Each function returns a piece of it."""

from __future__ import annotations

import itertools
import re

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
SCHEMA_VERSION = 39
COLUMNS = 24  # of Grafana's grid
TAG = "relinkd"

# What every selector begins with: without it a choice above would not be heeded below.
HOST = 'job=~"$job", instance=~"$instance"'


def expression(text: str) -> str:
    """PromQL in one line. "@" stands for the labels that every selector has: "m{@}"."""
    return re.sub(r"\s+", " ", text.replace("@", HOST)).strip()


# ------------------------------------------------------------------------------------ variables


def variable(name: str, query: str, label: str, *, several: bool = True) -> dict:
    """Values of a label. `several`: more than one can be chosen, and all of them."""
    query = expression(query)
    made = {
        "type": "query", "name": name, "label": label, "datasource": DATASOURCE,
        "definition": query, "query": {"query": query, "refId": f"variable-{name}"},
        # Hosts and endpoints come and go: asked again with each change of the time range.
        "refresh": 2, "sort": 1, "regex": "", "hide": 0, "options": [], "multi": several,
        "includeAll": several,
    }
    if several:
        made |= {"allValue": ".+", "current": {"selected": True, "text": ["All"], "value": ["$__all"]}}
    return made


def variables(*own: dict) -> list[dict]:
    return [
        {
            "type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus",
            "regex": "", "hide": 0, "refresh": 1, "options": [], "multi": False, "includeAll": False,
        },
        variable("job", "label_values(relinkd_build_info, job)", "Job"),
        variable("instance", 'label_values(relinkd_build_info{job=~"$job"}, instance)', "Instance"),
        *own,
    ]


# -------------------------------------------------------------------------------------- queries


def query(text: str, legend: str = "", *, now: bool = False) -> dict:
    """`now`: one value, of the end of the time range; otherwise the course over it."""
    return {
        "expr": expression(text), "legendFormat": legend or "__auto", "datasource": DATASOURCE,
        "editorMode": "code", "instant": now, "range": not now,
    }


def table_query(text: str) -> dict:
    return query(text, now=True) | {"format": "table"}


# --------------------------------------------------------------------------------------- panels


def thresholds(*steps: tuple[float | None, str]) -> dict:
    """From which value on a colour holds; None is below all others."""
    return {"mode": "absolute", "steps": [{"value": v, "color": c} for v, c in steps]}


# 0 is well, anything above it is not.
NONE_IS_WELL = thresholds((None, "green"), (1, "red"))
NONE_IS_BETTER = thresholds((None, "green"), (1, "orange"))
NEUTRAL = thresholds((None, "blue"))


def override(name: str, **properties: object) -> dict:
    """Of a field by its name. Properties of `custom` are written custom_NAME."""
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [
            {"id": key.replace("custom_", "custom."), "value": value}
            for key, value in properties.items()
        ],
    }


def colours(by_name: dict[str, str]) -> list[dict]:
    return [
        override(name, color={"mode": "fixed", "fixedColor": colour})
        for name, colour in by_name.items()
    ]


def _panel(kind: str, title: str, description: str, targets: list[dict], size: tuple[int, int],
           options: dict, defaults: dict, overrides: list[dict]) -> dict:
    return {
        "type": kind, "title": title, "description": " ".join(description.split()),
        "datasource": DATASOURCE,
        "gridPos": {"w": size[0], "h": size[1]},
        "targets": [one | {"refId": chr(ord("A") + n)} for n, one in enumerate(targets)],
        "options": options, "fieldConfig": {"defaults": defaults, "overrides": overrides},
    }


def _reduced() -> dict:
    return {"values": False, "calcs": ["lastNotNull"], "fields": ""}


def stat(title: str, description: str, text: str, *, unit: str = "none", limits: dict = NEUTRAL,
         decimals: int | None = None, empty: str = "none", mappings: list | None = None) -> dict:
    """One number of now. `empty`: what stands there, in grey, if there is none."""
    nothing = {"type": "special", "options": {
        "match": "null+nan", "result": {"text": empty, "color": "#5a6069", "index": 0},
    }}
    defaults: dict = {
        "unit": unit, "thresholds": limits, "color": {"mode": "thresholds"},
        "mappings": [nothing, *(mappings or [])], "noValue": empty,
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    options = {
        "reduceOptions": _reduced(), "orientation": "auto", "textMode": "value", "wideLayout": True,
        "colorMode": "background_solid", "graphMode": "none", "justifyMode": "center",
        "showPercentChange": False, "percentChangeColorMode": "standard",
    }
    return _panel("stat", title, description, [query(text, now=True)], (3, 4), options, defaults, [])


def _over_time(title: str, description: str, queries: list[dict], size: tuple[int, int], *, unit: str,
               custom: dict, palette: dict[str, str], decimals: int | None, empty: str) -> dict:
    defaults: dict = {
        "unit": unit, "min": 0, "color": {"mode": "palette-classic"}, "custom": custom,
        "thresholds": thresholds((None, "green")), "mappings": [],
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    if empty:
        defaults["noValue"] = empty
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return _panel("timeseries", title, description, queries, size, options, defaults, colours(palette))


def lines(title: str, description: str, *queries: dict, unit: str = "none", size: tuple[int, int] = (12, 8),
          palette: dict[str, str] | None = None, decimals: int | None = None, empty: str = "") -> dict:
    custom = {
        "drawStyle": "line", "lineWidth": 1, "fillOpacity": 8, "showPoints": "never",
        "lineInterpolation": "linear", "spanNulls": False,
        "stacking": {"mode": "none", "group": "A"},
    }
    return _over_time(title, description, list(queries), size, unit=unit, custom=custom,
                      palette=palette or {}, decimals=decimals, empty=empty)


def areas(title: str, description: str, *queries: dict, unit: str = "none",
          size: tuple[int, int] = (12, 8), palette: dict[str, str] | None = None,
          empty: str = "") -> dict:
    """Numbers that add up, and hold from one sample to the next."""
    custom = {
        "drawStyle": "line", "lineWidth": 0, "fillOpacity": 70, "showPoints": "never",
        "lineInterpolation": "stepAfter", "spanNulls": False,
        "stacking": {"mode": "normal", "group": "A"},
    }
    return _over_time(title, description, list(queries), size, unit=unit, custom=custom,
                      palette=palette or {}, decimals=0, empty=empty)


def bars(title: str, description: str, *queries: dict, unit: str = "none",
         size: tuple[int, int] = (12, 8), palette: dict[str, str] | None = None,
         decimals: int | None = 0, empty: str = "") -> dict:
    """Events that add up. `empty`: what is said if there was none."""
    custom = {
        "drawStyle": "bars", "lineWidth": 1, "fillOpacity": 80, "showPoints": "never",
        "stacking": {"mode": "normal", "group": "A"},
    }
    return _over_time(title, description, list(queries), size, unit=unit, custom=custom,
                      palette=palette or {}, decimals=decimals, empty=empty)


def state_timeline(title: str, description: str, *queries: dict, palette: dict[str, str],
                   size: tuple[int, int] = (24, 8), unit: str = "none") -> dict:
    """One line for each series, a stretch for as long as its value stays the same."""
    defaults = {
        "unit": unit, "decimals": 0, "color": {"mode": "palette-classic"}, "mappings": [],
        "custom": {"fillOpacity": 75, "lineWidth": 0},
        "thresholds": thresholds((None, "green")),
    }
    options = {
        "showValue": "auto", "rowHeight": 0.85, "mergeValues": True, "alignValue": "center",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return _panel("state-timeline", title, description, list(queries), size, options, defaults,
                  colours(palette))


def bar_gauge(title: str, description: str, *queries: dict, unit: str = "none", limits: dict = NEUTRAL,
              size: tuple[int, int] = (6, 8), empty: str = "", least: float | None = 0,
              decimals: int | None = None) -> dict:
    """One bar for each series, of now."""
    defaults: dict = {
        "unit": unit, "thresholds": limits, "color": {"mode": "thresholds"}, "mappings": [],
    }
    for key, value in (("noValue", empty or None), ("min", least), ("decimals", decimals)):
        if value is not None:
            defaults[key] = value
    options = {
        "reduceOptions": _reduced(), "orientation": "horizontal", "displayMode": "basic",
        "showUnfilled": True, "valueMode": "color", "namePlacement": "auto", "sizing": "auto",
        "minVizWidth": 8, "minVizHeight": 16, "maxVizHeight": 40,
        "text": {"titleSize": 13, "valueSize": 15},
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
    }
    return _panel("bargauge", title, description, list(queries), size, options, defaults, [])


def table(title: str, description: str, columns: list[tuple[str, str, dict]], *texts: str,
          size: tuple[int, int] = (12, 8), empty: str = "", sort: str = "") -> dict:
    """Rows of now. `columns`: field, title and properties, in this order; the rest is left out. The
    value of the first query is "Value" if it is the only one, otherwise "Value #A", "Value #B", …"""
    order = {field: place for place, (field, _, _) in enumerate(columns)}
    names = {field: name for field, name, _ in columns}
    transformations = [{"id": "merge", "options": {}}] if len(texts) > 1 else []
    transformations += [
        {"id": "filterFieldsByName", "options": {"include": {"names": list(order)}}},
        {"id": "organize", "options": {"indexByName": order, "renameByName": names,
                                       "excludeByName": {}, "includeByName": {}}},
    ]
    defaults: dict = {
        "unit": "none", "mappings": [], "thresholds": NEUTRAL,
        "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "minWidth": 50, "filterable": False,
                   "inspect": False},
    }
    if empty:
        defaults["noValue"] = empty
    options = {
        "frameIndex": 0, "showHeader": True, "cellHeight": "sm",
        "sortBy": [{"displayName": sort, "desc": True}] if sort else [],
    }
    overrides = [override(name, **more) for _, name, more in columns if more]
    made = _panel("table", title, description, [table_query(text) for text in texts], size, options,
                  defaults, overrides)
    return made | {"transformations": transformations}


# Properties of a table's column.
def link_to(dashboard: str, title: str, **choices: str) -> dict:
    """A click leads to another of the dashboards, with `choices` (variable: field) made there. The
    range of time and the data source stay."""
    chosen = "".join(
        f"&var-{name}=${{__data.fields.{field}}}" for name, field in choices.items()
    )
    url = f"/d/{dashboard}?${{datasource:queryparam}}&${{job:queryparam}}{chosen}&${{__url_time_range}}"
    return {"links": [{"title": title, "url": url, "targetBlank": False}]}


def words_in_colour(palette: dict[str, str]) -> dict:
    mapping = {word: {"color": colour, "index": n} for n, (word, colour) in enumerate(palette.items())}
    return {
        "mappings": [{"type": "value", "options": mapping}],
        "custom_cellOptions": {"type": "color-text"},
    }


# ----------------------------------------------------------------------------------- dashboards


def row(title: str) -> dict:
    return {"type": "row", "title": title, "collapsed": False, "panels": [],
            "gridPos": {"w": COLUMNS, "h": 1}}


def annotation(name: str, text: str, title: str, words: str, colour: str, *, at_value: bool) -> dict:
    """`at_value`: the value is the time, in milliseconds; otherwise the sample's own time is."""
    return {
        "name": name, "enable": True, "hide": False, "iconColor": colour, "datasource": DATASOURCE,
        "expr": expression(text), "titleFormat": title, "textFormat": words, "step": "15s",
        "useValueForTime": at_value,
    }


def _placed(panels: list[dict]) -> list[dict]:
    """From left to right, and below the tallest of a line where the next does not fit."""
    ids = itertools.count(1)
    x = y = tallest = 0
    placed = []
    for panel in panels:
        width, height = panel["gridPos"]["w"], panel["gridPos"]["h"]
        if x + width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        placed.append({"id": next(ids)} | panel | {"gridPos": {"x": x, "y": y, "w": width, "h": height}})
        x, tallest = x + width, max(tallest, height)
    return placed


def dashboard(uid: str, title: str, description: str, variables_: list[dict], panels: list[dict],
              annotations: list[dict]) -> dict:
    link = {
        "type": "dashboards", "title": "relinkd", "tags": [TAG], "asDropdown": False, "icon": "external link",
        "includeVars": True, "keepTime": True, "targetBlank": False, "tooltip": "", "url": "",
    }
    return {
        "uid": uid, "title": title, "description": " ".join(description.split()), "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION, "version": 1, "editable": False, "graphTooltip": 1,
        "timezone": "browser", "refresh": "30s", "time": {"from": "now-3h", "to": "now"},
        "links": [link], "templating": {"list": variables_},
        "annotations": {"list": annotations}, "panels": _placed(panels),
    }
