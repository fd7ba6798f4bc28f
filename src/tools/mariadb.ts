import { type Command, command, refuseOthers, requireCount } from './command.ts'

/**
 * MariaDB, the server of sysbench's OLTP test. Debian packages `mariadb-server` (10.11, 11.8) and `mariadb-client`. The
 * paper used MySQL, which Debian no longer packages. Configuration files are ignored, so that all platforms have the
 * same settings. Start: `install`, run `server`, repeat `ready`, `create`, then `sysbench.oltpPrepare`.
 */

export interface MariadbServer {
  /** Directory of the tables: the file system under test. */
  dataDir: string
  /** Path of the Unix socket for commands inside the guest. Its directory must exist. */
  socket: string
  /** Address and port to listen on, in addition to the socket. Without a port, there is no network. */
  host?: string
  port?: number
  /** InnoDB's buffer pool in MiB. It must be smaller than the tables, otherwise reads do not reach the disk. */
  bufferPool: number
  /** When to flush the log: 1 at every commit (durable, default), 0 about once a second (the paper's setting). */
  flushLog?: 0 | 1
}

/** A database and its only user. */
export interface MariadbAccount {
  socket: string
  database: string
  user: string
  password: string
}

/** The commands of MariaDB. */
export const mariadb = {
  /** Creates the system tables in an empty directory. Run it once per `dataDir`. */
  install({ dataDir }: { dataDir: string }): Command {
    const how = ['--no-defaults', '--user=root', '--auth-root-authentication-method=normal', '--skip-test-db']
    return command('mariadb-install-db', ...how, `--datadir=${dataDir}`)
  },

  /** Serves until stopped. */
  server({ dataDir, socket, host = '0.0.0.0', port, bufferPool, flushLog = 1, ...others }: MariadbServer): Command {
    refuseOthers('mariadb.server()', others)
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
      // Otherwise the server looks up clients' addresses in the DNS, which guests do not have.
      '--skip-name-resolve',
      pool,
      `--innodb-flush-log-at-trx-commit=${flushLog}`,
    )
  },

  /** Exits with 0 if the server responds, otherwise with 1. */
  ready({ socket }: { socket: string }): Command {
    return admin(socket, 'ping')
  },

  /**
   * Creates a database and an account with all rights on it, from any address.
   *
   * @throws {TypeError} if a name or the password contains other characters than letters, digits and `_`, because they
   * become SQL
   */
  create({ socket, ...names }: MariadbAccount): Command {
    for (const [what, name] of Object.entries(names)) {
      if (!/^\w+$/.test(name))
        throw new TypeError(`${what} must consist of letters, digits and _, not ${JSON.stringify(name)}.`)
    }
    const { database, user, password } = names
    const account = `'${user}'@'%'`
    const create = `CREATE DATABASE ${database}; CREATE USER ${account} IDENTIFIED BY '${password}'`
    const sql = `${create}; GRANT ALL ON ${database}.* TO ${account}`
    return command('mariadb', '--no-defaults', '--user=root', `--socket=${socket}`, `--execute=${sql}`)
  },

  /** Flushes the tables and stops the server. */
  shutdown({ socket }: { socket: string }): Command {
    return admin(socket, 'shutdown')
  },
}

function admin(socket: string, what: string): Command {
  return command('mariadb-admin', '--no-defaults', '--user=root', `--socket=${socket}`, what)
}
