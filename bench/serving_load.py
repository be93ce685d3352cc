"""A load on a server: closed and open loops, and what came of them."""

import asyncio
import random
import statistics
import time
from dataclasses import dataclass, field

import aiohttp
import grpc
from peregrine_translate._wire import translation_pb2 as pb
from peregrine_translate._wire import translation_pb2_grpc


class GrpcCaller:
    """Peregrine's contract; also what the peers' gRPC server speaks."""

    def __init__(self, port, beam_size):
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        self._stub = translation_pb2_grpc.TranslationServiceStub(self._channel)
        self.beam_size = beam_size

    def request(self, text, length):
        return pb.TranslateRequest(
            texts=[pb.Text(text=text)], single_sentence=True, options=pb.DecodingOptions(
                beam_size=self.beam_size, min_length=length, max_length=length))

    async def call(self, text, length, timeout):
        """Whether it was answered."""
        try:
            await self._stub.Translate(self.request(text, length), timeout=timeout)
        except grpc.aio.AioRpcError:
            return False
        return True

    async def close(self):
        await self._channel.close()


class HttpCaller:
    """The peers' FastAPI."""

    def __init__(self, port, beam_size):
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._url = f"http://127.0.0.1:{port}/translate"
        self.beam_size = beam_size

    def body(self, text, length):
        return {"text": text, "length": length, "beam_size": self.beam_size}

    async def call(self, text, length, timeout):
        try:
            async with self._session.post(
                    self._url, json=self.body(text, length),
                    timeout=aiohttp.ClientTimeout(timeout)) as answer:
                await answer.read()
                return answer.status == 200
        except (aiohttp.ClientError, asyncio.TimeoutError):
            return False

    async def close(self):
        await self._session.close()


@dataclass
class Load:
    """What came of a load."""

    seconds: float = 0.0
    latencies: list = field(default_factory=list)  # of those that were answered
    failed: int = 0

    @property
    def rate(self):
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def goodput(self, deadline):
        """Answers a second that came in time."""
        in_time = sum(latency <= deadline for latency in self.latencies)
        return in_time / self.seconds if self.seconds else 0.0

    def percentile(self, share):
        """None where fewer than that share were answered."""
        ordered = sorted(self.latencies) + [None] * self.failed
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None


async def closed_loop(caller, texts, callers, seconds, warm_up):
    """So many callers, each of which calls again when it is answered. Measured is from
    an answer to an answer, since servers answer batches: when each caller was answered
    once and `warm_up` has passed, for `seconds`, and four answers a caller if that takes
    no more than five times as long."""
    load = Load()
    start = time.monotonic()
    waiting = set(range(callers))  # for their first answer
    begin = None
    is_over = False
    remaining = iter(texts)

    async def run(number):
        nonlocal begin, is_over
        while not is_over:
            sent = time.monotonic()
            answered = await caller.call(*next(remaining), None)
            now = time.monotonic()
            waiting.discard(number)
            if is_over:
                return
            if begin is None:
                if not waiting and now - start >= warm_up:
                    begin = now
                continue
            load.seconds = now - begin
            if answered:
                load.latencies.append(now - sent)
            else:
                load.failed += 1
            is_over = load.seconds >= seconds and (
                len(load.latencies) >= 4 * callers or load.seconds >= 5 * seconds)

    await asyncio.gather(*(run(number) for number in range(callers)))
    return load


async def open_loop(caller, texts, rate, seconds, deadline, seed=1):
    """Calls at random times, whether or not others are answered; a latency counts from
    when the call was due. Each gives up after `deadline`."""
    load = Load(seconds=seconds)
    arrivals = random.Random(seed)
    remaining = iter(texts)
    begin = due = time.monotonic()
    calls = []

    async def run(due, text, length):
        left = due + deadline - time.monotonic()
        answered = left > 0 and await caller.call(text, length, left)
        if answered:
            load.latencies.append(time.monotonic() - due)
        else:
            load.failed += 1

    while (due := due + arrivals.expovariate(rate)) < begin + seconds:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        calls.append(asyncio.ensure_future(run(due, *next(remaining))))
    await asyncio.gather(*calls)
    return load


def median_load(loads):
    """Figures of several rounds as one; None where most of them are."""
    merged = {}
    for name in loads[0]:
        values = [load[name] for load in loads if load[name] is not None]
        merged[name] = statistics.median(values) if 2 * len(values) > len(loads) else None
    return merged
