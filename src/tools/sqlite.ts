import { type Command, command } from './command.ts'
import { above0, jsonNumber, parseJson, ToolOutputError } from './parse.ts'

/**
 * SQLite: inserts, each in a transaction with fsync. By Python's module sqlite3, because the shell of SQLite reports no
 * time for each statement. The table, the rollback journal and `synchronous=FULL` are SQLite's defaults, written out.
 */

export interface SqliteInserts {
  /** A writable directory in the guest. The database is removed at the end. */
  folder: string
  /** How long to insert, at least 0.01. */
  seconds: number
}

/** Rate and latencies of the inserts. */
export interface SqliteResult {
  /** Transactions, one row each. */
  insertsPerSecond: number
  /** Microseconds of a transaction, by the guest's clock. */
  p50Us: number
  p99Us: number
}

const TOOL = 'sqlite'

const script = `
import json, os, sqlite3, sys, time
folder, seconds = sys.argv[1], float(sys.argv[2])
path = os.path.join(folder, 'isobench-inserts.db')
if os.path.exists(path): os.remove(path)
db = sqlite3.connect(path, isolation_level=None)
db.execute('PRAGMA journal_mode=DELETE')
db.execute('PRAGMA synchronous=FULL')
db.execute('CREATE TABLE entries (id INTEGER PRIMARY KEY, text TEXT)')
times = []
start = last = time.perf_counter()
while last < start + seconds:
    db.execute('INSERT INTO entries (text) VALUES (?)', ('x' * 100,))
    now = time.perf_counter()
    times.append(now - last)
    last = now
rows = db.execute('SELECT count(*) FROM entries').fetchone()[0]
db.close()
os.remove(path)
times.sort()
at = lambda share: 1e6 * times[min(len(times) - 1, int(share * len(times)))]
print(json.dumps({'inserts': len(times), 'rows': rows, 'seconds': last - start, 'p50Us': at(.5), 'p99Us': at(.99)}))
`

/** The command that inserts into an SQLite database, and the parser of its output. */
export const sqlite = {
  insert({ folder, seconds }: SqliteInserts): Command {
    if (!(seconds >= 0.01)) throw new TypeError(`seconds must be at least 0.01, not ${seconds}.`)
    return command('python3', '-c', script, folder, seconds)
  },

  /** @throws {ToolOutputError} unless the report is complete, and the table has a row for every insert */
  parse(stdout: string): SqliteResult {
    const report = parseJson(TOOL, stdout)
    const figure = (name: string): number => above0(TOOL, stdout, name, jsonNumber(TOOL, stdout, report, name))
    const [inserts, rows] = [figure('inserts'), figure('rows')]
    if (inserts !== rows) throw new ToolOutputError(TOOL, `${inserts} inserts made ${rows} rows`, stdout)
    return { insertsPerSecond: inserts / figure('seconds'), p50Us: figure('p50Us'), p99Us: figure('p99Us') }
  },
}
