import { html, joinHtml } from './tag.ts'

/** The style of the page, light or dark as the reader's system prefers. */

/** Line colors after Okabe and Ito, lighter in the dark. */
const colors = {
  light: ['#0072b2', '#c44e00', '#00805c', '#a8327d', '#8a6d00', '#3a86c8', '#5b4bb5', '#6b4a2b'],
  dark: ['#5ab4f0', '#ff9a4d', '#3fd6a4', '#f08ac8', '#e6c84a', '#9fd0ff', '#b3a5ff', '#d0a882'],
}
const dashes = ['none', '7 3', '2 3', '9 3 2 3']
const variables = (mode: 'light' | 'dark') => colors[mode].map((color, index) => `--c${index}: ${color};`).join(' ')

/** The kinds of rows that a filter can select; see `filtered`. */
const filterKinds = [
  ...['fails', 'contradicted', 'inconclusive', 'not-evaluated', 'holds'],
  ...['regressed', 'improved', 'unclear', 'same', 'changed'],
]

export const style = html`
:root { color-scheme: light dark; --text: #1d2127; --muted: #5a6472; --line: #dfe3e8; --back: #ffffff; --card: #f6f7f9;
  --bad: #b92626; --good: #17703c; --doubt: #855700; --warn: #fff6e0; --focus: #0b62d6; ${variables('light')} }
@media (prefers-color-scheme: dark) { :root { --text: #e4e7ec; --muted: #a3adbb; --line: #333a45; --back: #14171c;
  --card: #1c2027; --bad: #ff7b72; --good: #57c785; --doubt: #e3b341; --warn: #2b2413; --focus: #6cb2ff;
  ${variables('dark')} } }
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif }
main { margin: 0 auto; max-width: 64rem; padding: 2rem 1rem 4rem }
h1 { font-size: 1.5rem; margin: 0 } h1.record { margin-top: 4rem; border-top: 3px solid var(--line); padding-top: 1rem }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem } h3 { font-size: 1.05rem; margin: 0 }
h4 { font-size: .95rem; margin: 1.5rem 0 .25rem } h4.case { font-weight: 500; border-top: 1px solid var(--line);
  padding-top: 1rem; margin-top: 2rem }
p { margin: .25rem 0 } .muted { color: var(--muted); font-weight: 400 } .wrap-anywhere { overflow-wrap: anywhere }
.counts { font-size: 1.15rem; font-weight: 600; margin: 1rem 0 .25rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.1rem 1.2rem;
  margin: 1rem 0; content-visibility: auto; contain-intrinsic-size: auto 700px }
.warnings { background: var(--warn); border-left: 4px solid var(--doubt); border-radius: 4px; margin: .5rem 0;
  padding: .6rem .75rem .6rem 2rem }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .2rem 1.25rem; margin: .5rem 0 }
dt { color: var(--muted) } dd { margin: 0 }
details { margin: .4rem 0 } summary { cursor: pointer; color: var(--muted) }
ul { margin: .25rem 0; padding-left: 1.25rem }
.resting { padding-left: 1.25rem; font-size: .93em }
.scroll { overflow-x: auto; margin: .4rem 0 }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line);
  font-weight: 400 }
td:empty { padding: 0 .3rem } thead th { color: var(--muted); font-weight: 500 }
.number { text-align: right; white-space: nowrap } .nowrap { white-space: nowrap }
td.wrap, thead th, thead th.number { white-space: normal; overflow-wrap: break-word }
td.wrap { min-width: 12rem } thead th { min-width: 3.5rem }
tbody th.wrap-anywhere, td.wrap-anywhere { min-width: 9rem }
.bad { color: var(--bad) } .good { color: var(--good) } .doubt { color: var(--doubt) }
fieldset { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: .3rem .8rem .5rem;
  display: flex; flex-wrap: wrap; gap: .25rem 1.25rem } legend { color: var(--muted); padding: 0 .3rem }
label { white-space: nowrap } label:has(:disabled) { opacity: .55 }
${joinHtml(
  filterKinds.map((kind) => `.filtered:has(input[value=${kind}]:checked) tr[data-kind]:not([data-kind~=${kind}])`),
  ', ',
)} { display: none }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: .5rem 1.5rem;
  align-items: start }
.pictures figure { max-width: 34rem }
figure { margin: .5rem 0; min-width: 0 } .wide .scroll { margin: 0 } .wide svg { min-width: 42rem }
figcaption { color: var(--muted); font-size: .85em }
svg { display: block; width: 100%; height: auto; color: var(--muted); overflow: visible }
svg text { fill: var(--text); font: 12px system-ui, sans-serif } svg .axis { fill: var(--muted); font-size: 11px }
svg .title { font-weight: 600 }
svg .figure { font-size: 11px; paint-order: stroke; stroke: var(--card); stroke-width: 3px }
h5 { font-size: .88rem; font-weight: 500; color: var(--muted); margin: .9rem 0 0 }
svg .grid { stroke: var(--line) } svg .native { stroke: var(--text); stroke-width: 1.5; stroke-dasharray: 5 4 }
svg .margin { stroke: var(--doubt); stroke-width: 1.5; stroke-dasharray: 1 4; stroke-linecap: round }
svg g { color: var(--muted) } svg g.bad { color: var(--bad) }
svg g.good { color: var(--good) } svg g.doubt { color: var(--doubt) }
svg .row rect { fill: currentColor; opacity: .38 } svg .row rect.hit { opacity: 0; pointer-events: all }
svg .row:hover rect.hit, svg .row:focus rect.hit { opacity: .12 }
svg .row:focus { outline: none }
svg .row:focus-visible rect.hit { stroke: var(--focus); stroke-width: 3; opacity: .5; fill-opacity: .2 }
svg .interval { stroke: currentColor; stroke-width: 3; stroke-linecap: round; opacity: .5 }
svg .range { stroke: currentColor; stroke-width: 1.5; opacity: .8 }
svg .samples { stroke: var(--text); stroke-width: 4.5; stroke-linecap: round; opacity: .55; fill: none }
svg rect.before { fill: none !important; stroke: var(--text); stroke-width: 1; stroke-dasharray: 3 2;
  opacity: .8 !important }
svg circle.before { fill: var(--card); stroke: currentColor; stroke-width: 1.2 }
svg line.before { stroke: currentColor; stroke-width: 1.2; opacity: .6 }
svg path.before { fill: none; stroke: currentColor; stroke-width: 1.4; stroke-dasharray: 1 3; stroke-linecap: round }
svg.spark { width: 9rem; height: 1.9rem }
svg text.tip { display: none; fill: var(--text); font-size: 11px }
svg .row:hover .tip, svg .row:focus .tip { display: inline }
svg .row:focus-within ~ .row .tip { display: none }
svg .stroke { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round }
svg circle, svg .mark { fill: currentColor }
svg .cross { stroke: currentColor; stroke-width: 3 }
svg circle.open { fill: var(--card); stroke: currentColor; stroke-width: 2 } svg g.line-native { color: var(--text) }
svg .line-native .stroke { stroke-dasharray: 6 4 }
${colors.light.map((_, index) => `svg g.line-${index} { color: var(--c${index}) } `)}
${dashes.map((dash, index) => `svg .dash-${index} .stroke { stroke-dasharray: ${dash} } `)}
@media print { section { content-visibility: visible; break-inside: avoid } }
@media (forced-colors: active) { svg { forced-color-adjust: auto } }
`
