"""The converters of the physical boards, played for ``twin.py``: one scan over the electrodes at a time."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from twin import Twin

Scan = Callable[[Sequence[int]], None]


def _put(twin: Twin, address: int, raw: Sequence[int]) -> None:
    twin.poke(address, struct.pack(f"<{len(raw)}H", *raw))


def nucleo(twin: Twin) -> Scan:
    """ADC1 scans when TIM2 says so; DMA2 stream 0 fills two buffers in turn."""
    values = twin.registers.values
    assert values[0x4000_0000] & 1, "TIM2 runs"
    assert values[0x4000_0004] == 2 << 4, "and triggers"
    assert values[0x4001_2008] & 0x3F00_0301 == 0x1600_0301, "ADC on, DMA for ever, rising edge of TIM2"
    control, channels = 0x4002_6410, values[0x4002_6414]
    assert values[control] & 1
    assert values[control] >> 18 & 1
    assert values[0x4002_6418] == 0x4001_204C, "from the converter's data"
    assert values[0x4001_202C] >> 20 == channels - 1
    inputs = [values[0x4001_2034] >> (5 * place) & 31 for place in range(channels)]
    assert inputs == [0, 1, 4, 8][:channels], "A0 to A3"
    pins = [(0x4002_0000, 0), (0x4002_0000, 1), (0x4002_0000, 4), (0x4002_0400, 0)][:channels]
    assert all(values[port] >> (2 * pin) & 3 == 3 for port, pin in pins), "analogue"

    def scan(raw: Sequence[int]) -> None:
        filling = values[control] >> 19 & 1
        _put(twin, values[0x4002_641C + 4 * filling], raw)
        values[control] ^= 1 << 19
        values[0x4000_0024] = 25  # TIM2 has gone on since the trigger
        twin.interrupt(56)

    return scan


def nano(twin: Twin) -> Scan:
    """SAADC scans when TIMER1 says so through PPI, and takes its next buffer's address at each start."""
    values = twin.registers.values
    routes = [(values[0x4001_F510 + 8 * i], values[0x4001_F514 + 8 * i]) for i in range(2)]
    assert routes == [(0x4000_9140, 0x4000_7004), (0x4000_7104, 0x4000_7000)]
    assert values[0x4001_F504] == 3
    assert (values[0x4000_9000], values[0x4000_9200]) == (1, 1), "TIMER1 runs, and begins anew by itself"
    inputs = [values[0x4000_7510 + 16 * channel] for channel in range(8)]
    used = values[0x4000_7630]
    assert inputs == [3, 4, 7, 6][:used] + [0] * (8 - used), "A0 to A3, the others off"
    starts = [value for at, value in twin.registers.log if at == 0x4000_762C]
    taken = [starts[0]]  # by the START of afe_start

    def scan(raw: Sequence[int]) -> None:
        assert used == len(raw)
        full = taken[0]
        _put(twin, full, raw)
        taken[0] = values[0x4000_762C]  # END starts the next at once
        assert taken[0] != full, "the next scan would overwrite this one"
        values[0x4000_7104] = 1
        values[0x4000_9544] = 25
        twin.interrupt(7)
        assert values[0x4000_7104] == 0, "the event was taken back"

    return scan


def pico(twin: Twin) -> Scan:
    """The converter goes round; two DMA channels start each other, and count their write address up."""
    values, facts = twin.registers.values, twin.board.registers
    converter, dma = facts["adc_base"], facts["dma_base"]
    channels = values[dma + 8]
    assert values[converter] == 1 | 8 | ((1 << channels) - 1) << 16
    period_cycles = (values[converter + 0x10] / 256 + 1) * channels
    assert period_cycles / 48e6 == 1 / 500, "48 MHz in, 500 Hz out"
    for channel, other in ((0, 1), (1, 0)):
        control = values[dma + 0x40 * channel + (0x0C if channel == 0 else 0x10)]
        assert control >> facts["dma_chain_bit"] & 0xF == other
        assert control >> facts["dma_request_bit"] & 0x3F == facts["dma_request_adc"]
        assert values[dma + 0x40 * channel] == converter + 0xC
    active = [0]

    def scan(raw: Sequence[int]) -> None:
        write = dma + 0x40 * active[0] + 4
        _put(twin, values[write], raw)
        values[write] += 2 * len(raw)
        active[0] = 1 - active[0]
        twin.interrupt(facts["afe_irq"])

    return scan


CONVERTERS = {"nucleo-f446re": nucleo, "nano33ble": nano, "pico": pico, "pico2": pico}
