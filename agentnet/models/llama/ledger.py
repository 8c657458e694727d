"""Reservations of memory: models that load side by side must not count the same free bytes twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from agentnet.models import devices
from agentnet.models.llama.offload import Room
from agentnet.models.llama.plan import MemoryPlan

Planning = Callable[[int | None, Sequence[Room]], MemoryPlan]
"""Makes a plan, given the free bytes of RAM (None: unknown) and of each device."""


class MemoryReservation:
    """Memory that is reserved for a model until `release`. Releasing twice is harmless."""

    def __init__(self, ledger: Ledger, plan: MemoryPlan, device_names: Sequence[str]) -> None:
        self._ledger, self.plan, self._device_names = ledger, plan, device_names
        self.ram = plan.total
        """Bytes of RAM."""
        self._loading = True

    def take_weights(self) -> MemoryReservation:
        """Move the RAM of the weights into a reservation of its own, for they may outlive the context."""
        return self._ledger.split(self, self.plan.weights)

    def loaded(self) -> None:
        """Note that the model is loaded: the drivers' figures now include what it takes on the devices."""
        self._loading = False

    def release(self) -> None:
        self._ledger.remove(self)

    def on_device(self, name: str) -> int:
        """Return the bytes of a device that are reserved and not yet allocated."""
        if not self._loading:
            return 0
        used = self.plan.offload.used
        return sum(size for device, size in zip(self._device_names, used, strict=False) if device == name)


class Ledger:
    """The memory reserved for models on one machine.

    The system's figure of available memory is more than what a further model can have. A cache that is being allocated
    is not touched yet, and the weights of a mapped file count as available for ever, though the model crawls without
    them. So a reservation lasts as long as its model is open, and what the process has touched since the first one is
    subtracted from their sum: the system's figure knows that much already.
    """

    def __init__(
        self,
        available: Callable[[], int | None] = lambda: devices.memory()[1],
        touched: Callable[[], int] = devices.touched,
    ) -> None:
        """`available` and `touched` return bytes, as `devices.memory` and `devices.touched` do."""
        self._available, self._touched = available, touched
        self._lock = threading.Lock()
        self._reservations: list[MemoryReservation] = []
        self._start = 0
        """Bytes that the process had touched before the first reservation."""

    def reserve(self, planning: Planning, used_devices: Sequence[devices.Device] = ()) -> MemoryReservation:
        """Plan with what is free now, and reserve what the plan takes if it fits.

        A plan that does not fit is returned too, in a reservation that holds nothing.
        """
        with self._lock:
            if not self._reservations:
                self._start = self._touched()
            rooms = [Room(device.name, self._device_free(device)) for device in used_devices]
            plan = planning(self._free(), rooms)
            reservation = MemoryReservation(self, plan, [device.name for device in used_devices])
            if plan.fits:
                self._reservations.append(reservation)
            return reservation

    def __len__(self) -> int:
        """Return the number of reservations that hold memory."""
        return len(self._reservations)

    def remove(self, reservation: MemoryReservation) -> None:
        with self._lock:
            if reservation in self._reservations:
                self._reservations.remove(reservation)

    def split(self, reservation: MemoryReservation, ram: int) -> MemoryReservation:
        """Return a new reservation of `ram` bytes, which are taken from another one."""
        with self._lock:
            part = MemoryReservation(self, reservation.plan, ())
            part.ram = ram
            reservation.ram -= ram
            self._reservations.append(part)
            return part

    def _free(self) -> int | None:
        available = self._available()
        if available is None:
            return None
        reserved = sum(reservation.ram for reservation in self._reservations)
        return max(0, available - max(0, reserved - max(0, self._touched() - self._start)))

    def _device_free(self, device: devices.Device) -> int | None:
        if not device.total:
            return None
        return max(0, device.free - sum(reservation.on_device(device.name) for reservation in self._reservations))
