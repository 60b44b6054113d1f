"""What the watches told of sandboxes that exist; nothing of a job that is over stays here."""

from __future__ import annotations

from .core.observation import SandboxFacts
from .workqueue import Key


class Inventory:
    """Sandboxes by their job's UID; at most one a job, the newest attempt."""

    def __init__(self) -> None:
        self._facts: dict[str, SandboxFacts] = {}
        self._released: set[str] = set()  # UIDs of sandboxes that are deleted, until the watch says so
        self._uids: dict[Key, set[str]] = {}

    def __contains__(self, uid: str) -> bool:
        return uid in self._facts

    def get(self, uid: str) -> SandboxFacts | None:
        """Return what is known of a job's sandbox."""
        return self._facts.get(uid)

    def put(self, key: Key, facts: SandboxFacts) -> bool:
        """Take note; return whether that is news. An older attempt never replaces a newer one."""
        if facts.uid in self._released:
            return False
        known = self._facts.get(facts.job_uid)
        if known is not None and (known == facts or known.attempt > facts.attempt):
            return False
        self._facts[facts.job_uid] = facts
        self._uids.setdefault(key, set()).add(facts.job_uid)
        return True

    def drop(self, uid: str) -> None:
        """Forget a job's sandbox."""
        if self._facts.pop(uid, None) is not None:
            for key in [key for key, uids in self._uids.items() if uid in uids]:
                self._uids[key].discard(uid)
                if not self._uids[key]:
                    del self._uids[key]

    def release(self, facts: SandboxFacts) -> None:
        """Forget a sandbox that was deleted, and whatever its watch still tells of it."""
        self.drop(facts.job_uid)
        self._released.add(facts.uid)

    def gone(self, uid: str) -> bool:
        """Take note that a sandbox (by its own UID) is no more; return whether it had been released."""
        known = uid in self._released
        self._released.discard(uid)
        return known

    def others(self, key: Key, uid: str | None) -> list[SandboxFacts]:
        """Return the sandboxes of earlier jobs of the same name."""
        return [self._facts[other] for other in self._uids.get(key, ()) if other != uid]
