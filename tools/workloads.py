"""The applications of tools/applications: how their data is made, how they are started where they are to lead, what a transaction is,
how their own tool checks them, and which transactions are there. A program of a guest is what tools/applications calls a Program.
"""
import re
import socket

TRANSACTION = 60  # s, that one may take


class Gone(Exception):
    """The other side is not there any more, or does not answer."""


class Shell:
    """What writes by commands of the shell."""

    start, words, mark, hello = "true", "sh", "echo -- end", "true"

    def open(self, guest):
        self.program = guest.program(self.words, self.mark)
        self.program.ask(self.hello)

    def write(self, n):
        self.expect(self.program.ask(self.transaction(n)))

    def expect(self, said, wanted=""):
        if said != wanted:
            raise RuntimeError(f"{self.name} said: {said[-300:]}")


class Sqlite(Shell):
    name, words, mark = "sqlite", "sqlite3 -batch /srv/sqlite/app.db", ".print -- end"
    prepare = "sqlite3 /srv/sqlite/app.db 'PRAGMA journal_mode=WAL; CREATE TABLE t(id INTEGER PRIMARY KEY, what TEXT); CREATE INDEX w ON t(what);'"
    hello = ".timeout 10000\nPRAGMA synchronous=FULL;\nPRAGMA wal_autocheckpoint=30;"
    check = "sqlite3 /srv/sqlite/app.db 'PRAGMA integrity_check;'"
    found = "sqlite3 /srv/sqlite/app.db 'SELECT id FROM t;'"

    def transaction(self, n):
        return f"INSERT INTO t VALUES({n}, hex(randomblob(100)));"

    def is_well(self, said):
        return said == "ok"


class Postgres(Shell):
    name, words, mark, hello = "postgres", "psql -qAtX -U postgres", r"\echo -- end", "SET synchronous_commit = on;"
    prepare = """chown postgres: /srv/postgres; chmod 700 /srv/postgres
cd /; setpriv --reuid=postgres --regid=postgres --init-groups /usr/lib/postgresql/15/bin/initdb -D /srv/postgres -A trust -k --wal-segsize=1 -E UTF8 --no-locale -N > /dev/null
printf '%s\\n' "listen_addresses = ''" "unix_socket_directories = '/run/postgresql'" 'shared_buffers = 16MB' 'max_connections = 10' 'min_wal_size = 2MB' \
  'max_wal_size = 2MB' 'checkpoint_timeout = 60s' >> /srv/postgres/postgresql.conf
systemctl start postgres
psql -qX -U postgres -c 'CREATE TABLE t(id bigint PRIMARY KEY, what text); CREATE INDEX ON t(what); CREATE EXTENSION amcheck'
systemctl stop postgres"""
    start = "systemctl start postgres"
    check = "/usr/lib/postgresql/15/bin/pg_amcheck -U postgres --heapallindexed postgres && echo ok"
    found = "psql -qAtX -U postgres -c 'SELECT id FROM t'"

    def transaction(self, n):
        return f"INSERT INTO t VALUES({n}, md5(random()::text));"

    def is_well(self, said):
        return said == "ok"


class Git(Shell):
    name, hello = "git", "cd /srv/git"
    prepare = "cd /srv/git; git init -q; git config user.name a; git config user.email a@b; echo 0 > number; git add number; git commit -qm 0"
    # what a commit leaves that the machine's end interrupts, after a power cut too
    start = "find /srv/git/.git -name '*.lock' -delete"
    check = "cd /srv/git; git fsck --full 2>&1; echo exit $?"
    found = "cd /srv/git; git log --format=%s"

    def transaction(self, n):
        tidy = "; git gc -q" if n % 25 == 0 else ""
        return f"echo {n} > number; git commit -qam {n}{tidy}"

    def is_well(self, said):
        return said.splitlines()[-1] == "exit 0" and not re.search("error|missing|broken|corrupt", said)


class Mail(Shell):
    name, hello, start = "maildir", "cd /srv/mail", "mkdir -p /srv/mail/tmp"
    prepare = "mkdir -p /srv/mail/tmp /srv/mail/new /srv/mail/cur"
    check = """cd /srv/mail; find new cur -type f -empty; find new cur -type f -print0 | xargs -0r awk '{print FILENAME "|" $0}'"""
    found = "cd /srv/mail; find new cur -type f | sed 's|.*/||; s|:.*||'"

    def transaction(self, n):
        read = n - 3  # an older one is read meanwhile
        return f"printf 'to: {n}\\nend\\n' > tmp/{n} && sync tmp/{n} && mv tmp/{n} new/{n}; [ ! -e new/{read} ] || mv new/{read} cur/{read}:2,S"

    def is_well(self, said):
        """Each message is there once, and in whole."""
        files = {}
        for line in said.splitlines():
            file, _, text = line.partition("|")
            files.setdefault(file, []).append(text)
        return all(texts == [f"to: {re.split('[/:]', file)[1]}", "end"] for file, texts in files.items())


class Nginx(Shell):
    name = "nginx"
    prepare = "true"
    start = "systemctl start nginx"
    check = "nginx -t 2>&1 | tail -n 1; for file in /srv/nginx/*.gz; do [ ! -e $file ] || gzip -t $file 2>&1; done; true"
    found = "cd /srv/nginx; zcat -f access.log* | sed -n 's|^/\\([0-9]*\\) 200$|\\1|p'"

    def open(self, guest):
        super().open(guest)
        self.address = guest.address

    def write(self, n):
        """A request, until the connection ends: then its line is written."""
        try:
            with socket.create_connection((self.address, 80), timeout=TRANSACTION) as connection:
                connection.sendall(f"GET /{n} HTTP/1.0\r\n\r\n".encode())
                said = b""
                while piece := connection.recv(4096):
                    said += piece
        except OSError as problem:
            raise Gone(str(problem)) from None
        if not said.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"nginx said: {said[:100]}")
        if n % 40 == 0:
            self.expect(self.program.ask("logrotate -f -s /run/logrotate.status /etc/logrotate.d/nginx 2>&1"))

    def is_well(self, said):
        return said.endswith("test is successful")
