"""Random transactions on the tables t and pairs of ReplicastTest."""
import sqlite3
import threading
import time

VALUES = [None, 0, -1, 2**63 - 1, -2**63, 1.5, -0.0, float("inf"), "", "text", "a\0b", "ü", b"", b"\x00\xff", 1.0, 1]


class RandomWriter:
    """Inserts, updates, deletes, key changes, swaps and REPLACE on `keys` keys, in transactions of `sizes` statements and what
    `also(database)` does; some roll back."""

    def __init__(self, rng, keys=60, sizes=(1, 1, 2, 10), also=lambda database: None):
        self.random, self.keys, self.sizes, self.also = rng, keys, sizes, also

    def write(self, database):
        """One transaction; `database` is in autocommit mode."""
        database.execute("BEGIN IMMEDIATE")
        for _ in range(self.random.choice(self.sizes)):
            try:
                self._change(database)
            except sqlite3.IntegrityError:
                pass
        self.also(database)
        database.execute("ROLLBACK" if self.random.random() < 0.1 else "COMMIT")

    def _change(self, database):
        rng, pick = self.random, lambda: self.random.randrange(self.keys)
        key, u, v, kind = pick(), pick(), rng.choice(VALUES), rng.random()
        letter = rng.choice("abcdefgh")
        if kind < 0.3:
            database.execute("REPLACE INTO t VALUES(?, ?, ?, ?)", (key, u, v, rng.choice("ab")))
        elif kind < 0.4:
            database.execute("INSERT INTO t VALUES(?, ?, ?, 'new')", (key, u, v))
        elif kind < 0.5:
            database.execute("UPDATE OR REPLACE t SET id = ? WHERE id = ?", (pick(), key))
        elif kind < 0.6:
            database.execute("UPDATE t SET v = ?, w = 'moved' WHERE u BETWEEN ? AND ?", (v, u, u + 3))
        elif kind < 0.65:
            self._swap(database, u, pick())
        elif kind < 0.72:
            database.execute("DELETE FROM t WHERE id = ?", (key,))
        elif kind < 0.9:
            database.execute("INSERT OR REPLACE INTO pairs VALUES(?, ?, ?)", (key // 8, letter, v))
        else:
            database.execute("DELETE FROM pairs WHERE a = ?", (key // 8,))

    @staticmethod
    def _swap(database, one, other):
        """Two rows exchange their unique values."""
        database.execute("UPDATE t SET u = -1 WHERE u = ?", (one,))
        database.execute("UPDATE t SET u = ? WHERE u = ?", (one, other))
        database.execute("UPDATE t SET u = ? WHERE u = -1", (other,))


class WriterThread:
    """A RandomWriter that writes by itself until `end`, at most `rate` transactions a second."""

    def __init__(self, path, writer, rate):
        self.transactions, self._path, self._writer, self._rate = 0, path, writer, rate
        self._ended, self._failure = threading.Event(), None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            database = sqlite3.connect(self._path, isolation_level=None, timeout=30)
            next_at = time.monotonic()
            while not self._ended.wait(max(0, next_at - time.monotonic())):
                self._writer.write(database)
                self.transactions += 1
                next_at = max(next_at + 1 / self._rate, time.monotonic() - 1)
            database.close()
        except Exception as failure:  # told by `end`
            self._failure = failure

    def end(self):
        self._ended.set()
        self._thread.join()
        if self._failure:
            raise self._failure
