import { changeKinds, verdictKinds } from './elements.ts'
import { dark, light, type Palette } from './palette.ts'
import { html, joinHtml } from './tag.ts'

/** The style of the page: light or dark as the reader's system prefers, and light on paper. */

const dashes = ['none', '7 3', '2 3', '9 3 2 3']

const variables = ({ lines, ...named }: Palette): string =>
  [
    ...Object.entries(named).map(([name, color]) => `--${name}: ${color};`),
    ...lines.map((color, index) => `--c${index}: ${color};`),
  ].join(' ')

/** The width from which pictures and entries are laid out for a wide screen; about 640 px. */
const narrow = '40rem'

/** An entry that a link leads to is shown, whatever the filter says. */
const hiddenByFilter = [...new Set([...verdictKinds, ...changeKinds])].map(
  (kind) => `.filtered:has(input[value=${kind}]:checked) [data-kind]:not([data-kind~=${kind}], :target)`,
)

export const style = html`
:root { color-scheme: light dark; ${variables(light)} }
@media screen and (prefers-color-scheme: dark) { :root { ${variables(dark)} } }
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif }
main { margin: 0 auto; max-width: 64rem; padding: 2rem 1rem 4rem }
a { color: inherit; text-decoration-color: var(--muted); text-underline-offset: .15em } a:hover { color: var(--focus) }
:target { scroll-margin-top: .5rem } li:target, tr:target { outline: 2px solid var(--focus); outline-offset: 2px }
h1 { font-size: 1.5rem; margin: 0 } h1.record { margin-top: 4rem; border-top: 3px solid var(--line); padding-top: 1rem }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem } h3 { font-size: 1.05rem; margin: 0 }
h3.entry { font-size: 1em; font-weight: 600 }
h4 { font-size: .95rem; margin: 1.5rem 0 .25rem } h4.case { font-weight: 500; border-top: 1px solid var(--line);
  padding-top: 1rem; margin-top: 2rem }
nav { font-size: .93em; margin: .25rem 0 0 } nav ul { display: flex; flex-wrap: wrap; gap: 0 1.1rem; padding: 0;
  list-style: none; margin: .1rem 0 }
p { margin: .25rem 0 } .muted { color: var(--muted); font-weight: 400 } .wrap-anywhere { overflow-wrap: anywhere }
.counts { font-size: 1.25rem; font-weight: 600; margin: 1rem 0 .25rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.1rem 1.2rem;
  margin: 1rem 0; content-visibility: auto; contain-intrinsic-size: auto 900px }
.warnings { background: var(--warn); border-left: 4px solid var(--doubt); border-radius: 4px; margin: .5rem 0;
  padding: .6rem .75rem .6rem 2rem }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .2rem 1.25rem; margin: .5rem 0 }
dt { color: var(--muted) } dd { margin: 0; overflow-wrap: anywhere } dl.fact { gap: 0 1rem; margin: 0 0 .6rem }
code { font-size: .9em; background: var(--card); border-radius: 3px; padding: .1rem .25rem }
details { margin: .4rem 0 } summary { cursor: pointer; color: var(--muted) }
ul { margin: .25rem 0; padding-left: 1.25rem }
.fails, .plain { padding: 0; list-style: none } .fails { margin: .9rem 0 } .plain { margin: .5rem 0 }
.resting { padding-left: 1.25rem; font-size: .93em }
.entries { padding: 0; list-style: none } .entries > li { display: grid; gap: 0 1rem; padding: .4rem .2rem;
  grid-template-columns: minmax(8.5rem, max-content) 1fr; border-bottom: 1px solid var(--line) }
.entries > li > div:first-child { width: 8.5rem }
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
.matrix th, .matrix td { padding: .3rem .45rem } .matrix td a { text-decoration-color: transparent }
.matrix td a:is(:hover, :focus) { text-decoration-color: currentColor }
.many thead th { min-width: 2rem } .many tbody th { width: 100% }
.matrix tbody th { position: sticky; left: 0; background: var(--back); min-width: 7rem }
.bad { color: var(--bad) } .good { color: var(--good) } .doubt { color: var(--doubt) }
fieldset { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: .3rem .8rem .5rem;
  display: flex; flex-wrap: wrap; gap: .25rem 1.25rem } legend { color: var(--muted); padding: 0 .3rem }
label { white-space: nowrap } label:has(:disabled) { opacity: .55 }
${joinHtml(hiddenByFilter, ', ')} { display: none }
details:has(:target)::details-content { content-visibility: visible; block-size: auto }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: .5rem 1.5rem;
  align-items: start }
.pictures figure { max-width: 34rem }
figure { margin: .5rem 0; min-width: 0 } figcaption { color: var(--muted); font-size: .85em }
.on-narrow { display: none }
svg { display: block; width: 100%; height: auto; color: var(--none); overflow: visible }
svg text { fill: var(--text); font: 12px system-ui, sans-serif } svg .axis { fill: var(--muted); font-size: 11px }
svg .title { font-weight: 600 }
svg .over { paint-order: stroke; stroke: var(--back); stroke-width: 3px }
svg .figure { font-size: 11px; paint-order: stroke; stroke: var(--card); stroke-width: 3px }
h5 { font-size: .88rem; font-weight: 500; color: var(--muted); margin: .9rem 0 0 }
svg .grid { stroke: var(--line) } svg .native { stroke: var(--text); stroke-width: 1.5; stroke-dasharray: 5 4 }
svg .margin { stroke: var(--doubt); stroke-width: 1.5; stroke-dasharray: 1 4; stroke-linecap: round }
svg g { color: var(--none) } svg g.bad { color: var(--bad) }
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
svg circle, svg .mark, svg .point { fill: currentColor }
svg .cross { stroke: currentColor; stroke-width: 3 }
svg circle.open { fill: var(--card); stroke: currentColor; stroke-width: 2 } svg g.line-native { color: var(--text) }
svg .line-native .stroke { stroke-dasharray: 6 4; stroke-width: 2.5 }
${light.lines.map((_, index) => `svg g.line-${index} { color: var(--c${index}) } `)}
${dashes.map((dash, index) => `svg .dash-${index} .stroke { stroke-dasharray: ${dash} } `)}
@media screen and (max-width: ${narrow}) { main { padding: 1rem .75rem 3rem } section { padding: .8rem .65rem 1rem }
  h1 { font-size: 1.2rem } h2 { margin-top: 1.8rem } h4 { margin-top: .8rem } .counts { font-size: 1.1rem }
  .on-wide { display: none } .on-narrow { display: block }
  .many tbody th { font-size: .85em; min-width: 9rem; line-height: 1.35 }
  .entries > li { grid-template-columns: 1fr } .entries > li > div:first-child br { display: none }
  .entries > li > div:first-child { width: auto } dl, dl.fact { grid-template-columns: 5.2rem 1fr; column-gap: .4rem } }
@media print { :root { color-scheme: light } body { font-size: 9.5pt } main { max-width: none; padding: 0 }
  nav, fieldset, details:not([open]), summary, .tip, figcaption .on-wide { display: none }
  section { content-visibility: visible; padding: .5rem 0; border: 0 } figure, tr, .entries > li { break-inside: avoid }
  .pictures { grid-template-columns: 1fr 1fr }
  h2, h3, h4, h5 { break-after: avoid } .scroll { overflow: visible } a { text-decoration: none } }
@media (forced-colors: active) { svg { forced-color-adjust: auto } }
`
