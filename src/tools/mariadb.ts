import { type Command, command, requireCount } from './command.ts'

/**
 * MariaDB, the server under sysbench's OLTP test. Debian packages `mariadb-server` (10.11, 11.8) and `mariadb-client`.
 * The paper used MySQL, which Debian no longer has. No configuration file is read, so that every platform
 * has the same settings. Start-up: `install`, start `server`, repeat `ready`, `create`, then `sysbench.oltpPrepare`.
 */

export interface MariadbServer {
  /** Where the tables are: the file system under test. */
  dataDir: string
  /** Path of the Unix socket, for the commands inside the guest. Its directory must exist. */
  socket: string
  /** Address and port to listen on as well; without a port there is no network, only the socket. */
  host?: string
  port?: number
  /** InnoDB's cache in MiB. Below the size of the tables, or no read ever reaches the disk. */
  bufferPool: number
  /** When the log is flushed: 1 at every commit (durable, the default), 0 about once a second (the paper's). */
  flushLog?: 0 | 1
}

export interface MariadbAccount {
  socket: string
  database: string
  user: string
  password: string
}

export const mariadb = {
  /** Creates the system tables in an empty directory. Run it once for each new `dataDir`. */
  install({ dataDir }: { dataDir: string }): Command {
    const how = ['--no-defaults', '--user=root', '--auth-root-authentication-method=normal', '--skip-test-db']
    return command('mariadb-install-db', ...how, `--datadir=${dataDir}`)
  },

  /** Serves until it is stopped. */
  server({ dataDir, socket, host = '0.0.0.0', port, bufferPool, flushLog = 1 }: MariadbServer): Command {
    const pool = `--innodb-buffer-pool-size=${requireCount('bufferPool', bufferPool, 5)}M`
    return command(
      'mariadbd',
      '--no-defaults',
      '--user=root',
      `--datadir=${dataDir}`,
      `--socket=${socket}`,
      `--pid-file=${socket}.pid`,
      ...(port === undefined
        ? ['--skip-networking']
        : [`--bind-address=${host}`, `--port=${requireCount('port', port)}`]),
      // A client's address would otherwise be looked up in the DNS, which no guest has.
      '--skip-name-resolve',
      pool,
      `--innodb-flush-log-at-trx-commit=${flushLog}`,
    )
  },

  /** Exits 0 as soon as the server answers, else 1. */
  ready({ socket }: { socket: string }): Command {
    return admin(socket, 'ping')
  },

  /**
   * Creates a database and an account with all rights on it, from any address.
   *
   * @throws TypeError if a name or the password is not of letters, digits and `_`: they become part of SQL
   */
  create({ socket, ...names }: MariadbAccount): Command {
    for (const [what, name] of Object.entries(names)) {
      if (!/^\w+$/.test(name))
        throw new TypeError(`${what} must be of letters, digits and _, not ${JSON.stringify(name)}.`)
    }
    const { database, user, password } = names
    const account = `'${user}'@'%'`
    const create = `CREATE DATABASE ${database}; CREATE USER ${account} IDENTIFIED BY '${password}'`
    const sql = `${create}; GRANT ALL ON ${database}.* TO ${account}`
    return command('mariadb', '--no-defaults', '--user=root', `--socket=${socket}`, `--execute=${sql}`)
  },

  /** Flushes and stops the server; it has left when the server command ends. */
  shutdown({ socket }: { socket: string }): Command {
    return admin(socket, 'shutdown')
  },
}

function admin(socket: string, what: string): Command {
  return command('mariadb-admin', '--no-defaults', '--user=root', `--socket=${socket}`, what)
}
