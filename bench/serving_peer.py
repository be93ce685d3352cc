"""Another engine behind a server, as its users build one.

    python serving_peer.py ctranslate2|transformers grpc|http MODEL_DIRECTORY

Requests wait in a queue. Whenever the engine is free it takes all that wait, at most
64: nobody waits for a batch to fill, and batches grow with the load. This is what the
documentation of CTranslate2 recommends (batches of many requests, sorted by length by
the library, tokens as its measure) and what services around it do. gRPC speaks
Peregrine's own contract, HTTP the least that JSON needs (FastAPI, uvicorn). Says its
port and its precision on the standard output when it serves.
"""

import argparse
import asyncio
import json
import pathlib
import socket
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import sentencepiece

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "compare"))
import peer  # noqa: E402  pylint: disable=wrong-import-position

MAX_BATCH = 64
SHAPE = peer.Shape(6, 6, 32000)


def write_vocabulary(directory, pieces):
    """Of CTranslate2's model: the pieces of a SentencePiece model, and made-up ones."""
    reader = sentencepiece.SentencePieceProcessor(model_file=str(pieces))
    special = ["<unk>", "<s>", "</s>"]
    tokens = special + [piece for piece in map(reader.id_to_piece, range(reader.get_piece_size()))
                        if piece not in special]
    tokens += [f"t{number}" for number in range(len(tokens), SHAPE.vocabulary)]
    paths = list(pathlib.Path(directory).glob("*vocabulary.json"))
    assert paths, f"{directory}: found no vocabulary"
    for path in paths:
        path.write_text(json.dumps(tokens), "utf-8")


@dataclass
class Request:
    """A sentence in pieces, how long its translation is to be, and who waits."""

    tokens: list
    length: int
    beam_size: int
    answer: asyncio.Future


class CTranslate2:
    """One thread; batches by tokens, as its documentation has it."""

    def __init__(self, directory, precision):
        backend = peer.CTranslate2.choose_backend(directory, precision, 1)
        self.translator = peer.CTranslate2.open(directory, precision, 1)
        self.precision = f"{self.translator.compute_type} ({backend})"

    def __call__(self, requests):
        # The library's lengths are those of a call: each gets the mean, as many tokens in
        # all, and no step is wasted on rows that have ended.
        length = round(statistics.mean(request.length for request in requests))
        results = self.translator.translate_batch(
            [request.tokens for request in requests], beam_size=requests[0].beam_size,
            max_batch_size=4096, batch_type="tokens", min_decoding_length=length,
            max_decoding_length=length)
        return [result.hypotheses[0] for result in results]


class Transformers:
    """`generate` of a MarianMT of the same shape, its rows padded to the longest."""

    def __init__(self, directory, precision):
        del directory  # random weights cost what others cost
        self.precision = precision if precision == "bf16" else "float32"
        self.engine = peer.Transformers(SHAPE, self.precision, threads=1)

    def __call__(self, requests):
        torch = self.engine.torch
        longest = max(len(request.tokens) for request in requests)
        ids = torch.full((len(requests), longest + 1), self.engine.pad)
        for row, request in enumerate(requests):
            for column, token in enumerate(request.tokens):
                ids[row, column] = 4 + hash(token) % (SHAPE.vocabulary - 8)
            ids[row, len(request.tokens)] = 2
        length = round(statistics.mean(request.length for request in requests))
        with torch.inference_mode():
            found = self.engine.model.generate(
                input_ids=ids, attention_mask=(ids != self.engine.pad).long(),
                num_beams=requests[0].beam_size, do_sample=False, min_new_tokens=length,
                max_new_tokens=length, length_penalty=1.0)
        return [[f"t{token}" for token in row] for row in found[:, 1:].tolist()]


class BatchingQueue:
    """From texts to texts."""

    def __init__(self, engine, directory):
        self._engine = engine
        self._pieces = sentencepiece.SentencePieceProcessor(
            model_file=str(pathlib.Path(directory, "sentencepiece.model")))
        self._waiting = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1)
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def translate(self, text, length, beam_size):
        tokens = self._pieces.encode(text, out_type=str)
        answer = asyncio.get_running_loop().create_future()
        await self._waiting.put(Request(tokens, length, beam_size, answer))
        return self._pieces.decode(await answer)

    async def _run(self):
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < MAX_BATCH and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            # Of those whose caller has gone nobody wants an answer.
            batch = [request for request in batch if not request.answer.done()]
            for beam_size in {request.beam_size for request in batch}:
                await self._answer(loop, [r for r in batch if r.beam_size == beam_size])

    async def _answer(self, loop, batch):
        found = await loop.run_in_executor(self._thread, self._engine, batch)
        for request, tokens in zip(batch, found):
            if not request.answer.done():
                request.answer.set_result(tokens)


async def serve_grpc(engine, directory):
    import grpc  # pylint: disable=import-outside-toplevel
    from peregrine_translate._wire import (  # pylint: disable=import-outside-toplevel
        translation_pb2 as pb, translation_pb2_grpc)

    class Service(translation_pb2_grpc.TranslationServiceServicer):
        async def Translate(self, request, context):  # noqa: N802
            del context
            options = request.options
            texts = await asyncio.gather(*(
                waiting.translate(text.text, options.max_length, options.beam_size)
                for text in request.texts))
            return pb.TranslateResponse(translations=[
                pb.Translation(hypotheses=[pb.Hypothesis(text=text)]) for text in texts])

    waiting = BatchingQueue(engine, directory)
    server = grpc.aio.server()
    translation_pb2_grpc.add_TranslationServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, engine.precision, flush=True)
    await server.wait_for_termination()


async def serve_http(engine, directory):
    import fastapi  # pylint: disable=import-outside-toplevel
    import uvicorn  # pylint: disable=import-outside-toplevel
    from pydantic import BaseModel  # pylint: disable=import-outside-toplevel

    class Query(BaseModel):
        text: str
        length: int
        beam_size: int

    waiting = BatchingQueue(engine, directory)
    app = fastapi.FastAPI()

    @app.post("/translate")
    async def translate(query: Query):
        return {"text": await waiting.translate(query.text, query.length, query.beam_size)}

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1], engine.precision, flush=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    await server.serve(sockets=[listener])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("engine", choices=["ctranslate2", "transformers"])
    parser.add_argument("api", choices=["grpc", "http"])
    parser.add_argument("directory")
    parser.add_argument("--precision", required=True)
    args = parser.parse_args()
    engines = {"ctranslate2": CTranslate2, "transformers": Transformers}
    engine = engines[args.engine](args.directory, args.precision)
    serve = {"grpc": serve_grpc, "http": serve_http}[args.api]
    asyncio.run(serve(engine, args.directory))


if __name__ == "__main__":
    main()
