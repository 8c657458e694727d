"""Who was promised how much memory: models that load side by side must not count the same free bytes twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from agentnet.models import devices
from agentnet.models.llama.offload import Room
from agentnet.models.llama.plan import MemoryPlan

Planning = Callable[[int | None, Sequence[Room]], MemoryPlan]


class Claim:
    """Memory that a model was promised, until `release`. Releasing twice is harmless."""

    def __init__(self, ledger: Ledger, plan: MemoryPlan, names: Sequence[str]) -> None:
        self._ledger, self.plan, self._names = ledger, plan, names
        self._loading = True

    def loaded(self) -> None:
        """The model is loaded: from now on the drivers' own figures tell what it takes on the devices."""
        self._loading = False

    def release(self) -> None:
        self._ledger.forget(self)

    def on_device(self, name: str) -> int:
        """Bytes of a device that are promised and not yet taken."""
        if not self._loading:
            return 0
        return sum(used for device, used in zip(self._names, self.plan.offload.used, strict=False) if device == name)


class Ledger:
    """The memory that models of this process were promised.

    What the system calls available is more than what is free for a further model: a cache that is being allocated is
    not yet touched, and the weights of a mapped file count as available for ever, though without them in memory the
    model crawls. So claims are kept for as long as their models are open, and what the process has touched since the
    first one is taken off their sum: that much the system's figure already knows.
    """

    def __init__(
        self,
        available: Callable[[], int | None] = lambda: devices.memory()[1],
        touched: Callable[[], int] = devices.touched,
    ) -> None:
        self._available, self._touched = available, touched
        self._lock = threading.Lock()
        self._claims: list[Claim] = []
        self._start = 0

    def claim(self, planning: Planning, found: Sequence[devices.Device] = ()) -> Claim:
        """Plan with what is free now, and promise what the plan takes if it fits.

        A plan that does not fit comes back in a claim that holds nothing.
        """
        with self._lock:
            if not self._claims:
                self._start = self._touched()
            rooms = [Room(device.name, self._device_free(device)) for device in found]
            claim = Claim(self, planning(self._free(), rooms), [device.name for device in found])
            if claim.plan.fits:
                self._claims.append(claim)
            return claim

    def __len__(self) -> int:
        """How many models hold a promise."""
        return len(self._claims)

    def forget(self, claim: Claim) -> None:
        with self._lock:
            if claim in self._claims:
                self._claims.remove(claim)

    def _free(self) -> int | None:
        available = self._available()
        if available is None:
            return None
        promised = sum(claim.plan.total for claim in self._claims)
        return max(0, available - max(0, promised - max(0, self._touched() - self._start)))

    def _device_free(self, device: devices.Device) -> int | None:
        if not device.total:
            return None
        return max(0, device.free - sum(claim.on_device(device.name) for claim in self._claims))
