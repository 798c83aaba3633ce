// SPDX-License-Identifier: Apache-2.0
// A page that shows one dashboard with answers that were asked for already: /data.json has the dashboard,
// its queries' answers, its annotations, the choices of its variables and the range of time.
import React, { useLayoutEffect, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { ThemeContext, createTheme } from "@grafana/data";
import { GlobalStyles, PanelChrome } from "@grafana/ui";
import "uplot/dist/uPlot.min.css";
import { frames, initialise } from "./frames.js";
import { KINDS } from "./panels.jsx";

// Grafana's grid.
const COLUMNS = 24;
const CELL = 30;
const GAP = 8;

class Guard extends React.Component {
  state = {};
  static getDerivedStateFromError(error) {
    return { error };
  }
  render() {
    const { error } = this.state;
    return error ? <div className="panel-error">{String(error.stack)}</div> : this.props.children;
  }
}

const empty = (series) => series.every((frame) => frame.length === 0);

function Inside({ panel, series, ...rest }) {
  const Kind = KINDS[panel.type];
  if (!Kind) throw new Error(`nothing draws panels of kind ${panel.type}`);
  // A stat has words of its own for that.
  if (panel.type !== "stat" && empty(series)) {
    return <div className="nothing">{panel.fieldConfig.defaults.noValue ?? "No data"}</div>;
  }
  return <Kind panel={panel} series={series} {...rest} />;
}

function Panel({ panel, series, answers, width, ...rest }) {
  const { x, y, w, h } = panel.gridPos;
  const column = (width - GAP * (COLUMNS - 1)) / COLUMNS;
  const place = {
    position: "absolute", left: x * (column + GAP), top: y * (CELL + GAP), width: w * column + (w - 1) * GAP,
    height: h * CELL + (h - 1) * GAP,
  };
  if (panel.type === "row") return <div style={place} className="part">{panel.title}</div>;
  const faults = answers.flatMap((one) => one.faults);
  return (
    <section style={place} data-panel={panel.id} data-title={panel.title} data-kind={panel.type}>
      <PanelChrome title={panel.title} description={panel.description} width={place.width} height={place.height}
        statusMessage={faults.join("; ") || undefined}>
        {(innerWidth, innerHeight) => (
          <Guard>
            <Inside panel={panel} series={series} width={innerWidth} height={innerHeight} {...rest} />
          </Guard>
        )}
      </PanelChrome>
      {faults.map((fault) => <div key={fault} className="query-error">{fault}</div>)}
    </section>
  );
}

function Head({ board, choices, span }) {
  const clock = (seconds) => new Date(seconds * 1000).toISOString().replace("T", " ").slice(0, 19);
  return (
    <header>
      <h1>{board.title}</h1>
      {board.templating.list.filter((v) => v.type === "query").map(({ name, label }) => (
        <span key={name} className="choice"><b>{label}</b>{choices[name]}</span>
      ))}
      <span className="time">{clock(span.start)} to {clock(span.end)} UTC</span>
    </header>
  );
}

const css = ({ colors, typography, shape }) => `
  body { background: ${colors.background.canvas}; color: ${colors.text.primary}; margin: 0; overflow: auto; height: auto; }
  main { padding: 16px; font-family: ${typography.fontFamily}; }
  header { display: flex; align-items: center; gap: 8px; margin-bottom: 16px; }
  h1 { font-size: 20px; margin: 0 16px 0 0; }
  .choice, .time { border: 1px solid ${colors.border.medium}; border-radius: ${shape.radius.default}; padding: 4px 10px;
    background: ${colors.background.primary}; font-size: 13px; }
  .choice b { color: ${colors.text.secondary}; margin-right: 10px; font-weight: 500; }
  .time { margin-left: auto; }
  .grid { position: relative; }
  .part { font-size: 16px; font-weight: 500; line-height: ${CELL}px; }
  .nothing { display: flex; height: 100%; align-items: center; justify-content: center; color: ${colors.text.secondary};
    text-align: center; }
  .query-error, .panel-error { color: ${colors.error.text}; font-size: 12px; }
`;

function Page({ data, theme, shown }) {
  const inside = useRef(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => setWidth(inside.current.clientWidth), []);
  const { board, span, marks } = data;
  const rows = Math.max(...board.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <style>{css(theme)}</style>
      <main>
        <Head {...data} />
        <div className="grid" ref={inside} style={{ height: rows * (CELL + GAP) }}>
          {width > 0 && board.panels.map((panel, n) => (
            <Panel key={panel.id} panel={panel} series={shown[n]} answers={data.answers[panel.id] ?? []} width={width}
              span={span} marks={marks} />
          ))}
        </div>
      </main>
    </ThemeContext.Provider>
  );
}

async function main() {
  initialise();
  const data = await (await fetch("/data.json")).json();
  const theme = createTheme({ colors: { mode: new URLSearchParams(location.search).get("theme") ?? "dark" } });
  const prepare = async (panel) => {
    if (panel.type === "row") return [];
    try {
      return await frames(panel, data.answers[panel.id], theme, data.span);
    } catch (error) {
      data.answers[panel.id].push({ faults: [String(error)] });
      return [];
    }
  };
  const shown = await Promise.all(data.board.panels.map(prepare));
  await document.fonts.ready;
  createRoot(document.getElementById("root")).render(<Page data={data} theme={theme} shown={shown} />);
}

main();
