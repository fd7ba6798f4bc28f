/** What the keys of watch mode do, as lines of its screen. */
export const help = [
  'a  measure everything again          f  what failed or is undecided',
  'r  the latest again                  p  filter by platform   t  filter by bench',
  's  stop, or let go on, the rounds in the background',
  'b  keep this as the baseline "watch" o  open the html report',
  '↑ ↓ space  scroll                    h  this help            q  quit',
]
