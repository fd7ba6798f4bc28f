/** The page's look, light and dark by what the reader's system prefers. */
export const style = `
:root { color-scheme: light dark; --text: #1d2127; --soft: #667080; --line: #dfe3e8; --back: #ffffff; --card: #f6f7f9;
  --bad: #c62f2f; --good: #1d7f46; --doubt: #996500; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e7ec; --soft: #98a2b3; --line: #333a45; --back: #14171c;
  --card: #1c2027; --bad: #ff7b72; --good: #57c785; --doubt: #e3b341; } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1rem 4rem; background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.4rem; margin: 0 } h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem }
p { margin: .25rem 0 } .soft { color: var(--soft) } .break { overflow-wrap: anywhere }
.counts { font-size: 1.1rem; font-weight: 600; margin: 1rem 0 .25rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: .75rem 1rem 1rem; margin: 1rem 0 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line) }
th { color: var(--soft); font-weight: 500 } .number { text-align: right; white-space: nowrap }
.once { white-space: nowrap }
.bad { color: var(--bad) } .good { color: var(--good) } .doubt { color: var(--doubt) }
svg { display: block; width: 100%; height: auto; margin: .5rem 0; color: var(--soft) }
svg text { fill: var(--text); font: 12px system-ui, sans-serif } svg .axis { fill: var(--soft) }
svg .grid { stroke: var(--line) } svg .native { stroke: var(--soft); stroke-dasharray: 4 3 }
svg g { color: var(--text) } svg g.bad { color: var(--bad) } 
svg g.good { color: var(--good) } svg g.doubt { color: var(--doubt) }
`
