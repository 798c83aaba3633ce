// SPDX-License-Identifier: Apache-2.0
// Panels around the components of @grafana/ui that draw them in Grafana, too. The state timeline is not
// among these: it is drawn here, in their manner.
import React, { useLayoutEffect } from "react";
import { getDisplayValueAlignmentFactors, getFieldDisplayName, getFieldDisplayValues } from "@grafana/data";
import { BarGauge, BigValue, TimeSeries, VizRepeater, useTheme2 } from "@grafana/ui";
import { TableNG } from "@grafana/ui/unstable";
import { timeRange } from "./frames.js";

const displayValues = (panel, series, theme) => getFieldDisplayValues({
  fieldConfig: panel.fieldConfig, reduceOptions: panel.options.reduceOptions, data: series, theme,
  timeZone: "utc", replaceVariables: (text) => text ?? "",
});

// Lines across the plot where something happened, as Grafana marks annotations.
function Marks({ config, marks, theme }) {
  useLayoutEffect(() => {
    config.addHook("draw", (u) => {
      const { ctx, bbox } = u;
      ctx.save();
      for (const { time, colour } of marks) {
        const x = Math.round(u.valToPos(time * 1000, "x", true));
        if (x < bbox.left || x > bbox.left + bbox.width) continue;
        ctx.strokeStyle = ctx.fillStyle = theme.visualization.getColorByName(colour);
        ctx.setLineDash([5, 5]);
        ctx.lineWidth = 2;
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        ctx.setLineDash([]);
        ctx.beginPath();
        ctx.moveTo(x - 5, bbox.top + bbox.height + 6);
        ctx.lineTo(x + 5, bbox.top + bbox.height + 6);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.fill();
      }
      ctx.restore();
    });
  }, [config, marks, theme]);
  return null;
}

function Lines({ panel, series, width, height, span, marks }) {
  const theme = useTheme2();
  return (
    <TimeSeries frames={series} structureRev={1} width={width} height={height} timeRange={timeRange(span)}
      timeZone="utc" legend={panel.options.legend} options={panel.options}>
      {(config) => <Marks config={config} marks={marks} theme={theme} />}
    </TimeSeries>
  );
}

function Stat({ panel, series, width, height }) {
  const theme = useTheme2();
  const { options } = panel;
  const [{ display }] = displayValues(panel, series, theme);
  return (
    <BigValue value={display} width={width} height={height} theme={theme} colorMode={options.colorMode}
      graphMode={options.graphMode} justifyMode={options.justifyMode} textMode={options.textMode} />
  );
}

function Bars({ panel, series, width, height }) {
  const theme = useTheme2();
  const { options } = panel;
  const values = displayValues(panel, series, theme);
  return (
    <VizRepeater source={series} renderCounter={1} width={width} height={height} orientation="horizontal"
      minVizHeight={options.minVizHeight} minVizWidth={options.minVizWidth} maxVizHeight={options.maxVizHeight}
      getValues={() => values} getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value: { display, field, view, colIndex }, alignmentFactors, ...size }) => (
        <BarGauge value={display} field={field} display={view?.getFieldDisplayProcessor(colIndex)} theme={theme}
          width={size.width} height={size.height} orientation="horizontal" displayMode={options.displayMode}
          showUnfilled={options.showUnfilled} valueDisplayMode={options.valueMode} itemSpacing={8}
          text={options.text} namePlacement={options.namePlacement} alignmentFactors={alignmentFactors} />
      )} />
  );
}

function Table({ panel, series: [frame], width, height, span }) {
  return (
    <TableNG data={frame} width={width} height={height} timeRange={timeRange(span)} structureRev={1}
      cellHeight={panel.options.cellHeight} initialSortBy={panel.options.sortBy} noHeader={false} />
  );
}

// Runs of equal values: [start, end, value]; a missing sample ends one.
function runs(frame, span) {
  const [time, value] = frame.fields;
  const found = [];
  time.values.forEach((ms, n) => {
    const last = found[found.length - 1];
    const end = ms / 1000 + span.step;
    if (value.values[n] === null) return;
    if (last && last[2] === value.values[n] && ms / 1000 - last[1] < span.step) last[1] = end;
    else found.push([ms / 1000, end, value.values[n]]);
  });
  return found;
}

function StateTimeline({ panel, series, width, height, span }) {
  const theme = useTheme2();
  const left = 110;
  const foot = 24;
  const line = (height - foot) / series.length;
  const thick = line * panel.options.rowHeight;
  const at = (seconds) => left + ((seconds - span.start) / (span.end - span.start)) * (width - left - 8);
  const ticks = Array.from({ length: 8 }, (_, n) => span.start + ((span.end - span.start) * (n + 0.5)) / 8);
  const text = { fontSize: 12, fontFamily: theme.typography.fontFamily, fill: theme.colors.text.primary };
  return (
    <svg width={width} height={height}>
      {ticks.map((t) => (
        <g key={t}>
          <line x1={at(t)} x2={at(t)} y1={0} y2={height - foot} stroke={theme.colors.border.weak} />
          <text {...text} x={at(t)} y={height - 6} textAnchor="middle">
            {new Date(t * 1000).toISOString().slice(11, 19)}
          </text>
        </g>
      ))}
      {series.map((frame, row) => {
        const field = frame.fields[1];
        const colour = theme.visualization.getColorByName(field.config.color.fixedColor);
        return (
          <g key={row}>
            <text {...text} x={left - 8} y={row * line + line / 2 + 4} textAnchor="end">{getFieldDisplayName(field, frame)}</text>
            {runs(frame, span).map(([start, end, value]) => {
              const [from, to] = [at(Math.max(start, span.start)), at(Math.min(end, span.end))];
              const word = field.display(value).text;
              return (
                <g key={start}>
                  <rect x={from} width={Math.max(to - from, 2)} y={row * line + (line - thick) / 2} height={thick}
                    fill={colour} fillOpacity={panel.fieldConfig.defaults.custom.fillOpacity / 100} />
                  {to - from > 8 + word.length * 7 && (
                    <text {...text} x={(from + to) / 2} y={row * line + line / 2 + 4} textAnchor="middle">{word}</text>
                  )}
                </g>
              );
            })}
          </g>
        );
      })}
    </svg>
  );
}

export const KINDS = { timeseries: Lines, stat: Stat, bargauge: Bars, table: Table, "state-timeline": StateTimeline };
