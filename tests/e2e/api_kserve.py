"""The client of Triton's makers (tritonclient) against a server of ours.

api_kserve.py ADDRESS MODEL [AUTHORITY.pem TOKEN]: prints JSON.
"""

import asyncio
import json
import sys

import grpc
import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

TEXTS = ["The house is small.", "Good morning!"]


def tensor(module, name, strings, shape=None):
    values = np.array([s.encode() for s in strings], dtype=np.object_)
    if shape is not None:
        values = values.reshape(shape)
    tensor_of = module.InferInput(name, list(values.shape), "BYTES")
    tensor_of.set_data_from_numpy(values)
    return tensor_of


def strings(result, name="translation"):
    return [value.decode() for value in result.as_numpy(name).reshape(-1)]


def refusal(call):
    try:
        call()
    except InferenceServerException as error:
        return [error.status(), error.message()]
    return ["OK", ""]


def main():
    address, model, *secrets = sys.argv[1:]
    options, headers = {}, None
    if secrets:
        options = {"ssl": True, "root_certificates": secrets[0]}
        headers = {"authorization": f"Bearer {secrets[1]}"}
    client = triton.InferenceServerClient(address, **options)
    text = tensor(triton, "text", TEXTS)
    answers = {
        "live": client.is_server_live(headers=headers),
        "ready": client.is_server_ready(headers=headers),
        "model ready": client.is_model_ready(model, headers=headers),
        "no model ready": client.is_model_ready("nothing", headers=headers),
        "server": client.get_server_metadata(headers=headers, as_json=True),
        "metadata": client.get_model_metadata(model, headers=headers, as_json=True),
        "config": client.get_model_config(model, headers=headers, as_json=True),
        "index": client.get_model_repository_index(headers=headers, as_json=True),
    }
    result = client.infer(model, [text], request_id="seven", headers=headers)
    answers["texts"] = strings(result)
    answers["id"] = result.get_response().id
    answers["scores"] = [float(s) for s in result.as_numpy("score")]
    answers["flags"] = strings(result, "flags")
    answers["column"] = client.infer(
        model, [tensor(triton, "text", TEXTS, (2, 1))],
        outputs=[triton.InferRequestedOutput("translation")],
        headers=headers).as_numpy("translation").shape
    answers["languages"] = strings(client.infer(
        "", [text, tensor(triton, "source_language", ["eng"]),
             tensor(triton, "target_language", ["de-AT"])], headers=headers))
    answers["parameters"] = strings(client.infer(
        model, [text], parameters={"target_language": "deu", "beam_size": 2,
                                   "length_penalty": 0.5},
        timeout=30_000_000, headers=headers))
    stub = service_pb2_grpc.GRPCInferenceServiceStub(
        grpc.secure_channel(address, grpc.ssl_channel_credentials(
            open(secrets[0], "rb").read())) if secrets
        else grpc.insecure_channel(address))
    contents = stub.ModelInfer(service_pb2.ModelInferRequest(
        model_name=model, inputs=[{
            "name": "text", "datatype": "BYTES", "shape": [2],
            "contents": {"bytes_contents": [t.encode() for t in TEXTS]}}]),
        metadata=tuple((headers or {}).items()))
    # As perf_analyzer sends it.
    of_streams = service_pb2.ModelInferRequest(
        model_name=model, inputs=[{
            "name": "text", "datatype": "BYTES", "shape": [2],
            "contents": {"bytes_contents": [t.encode() for t in TEXTS]}}])
    of_streams.parameters["triton_enable_empty_final_response"].bool_param = False
    answers["of streams"] = [
        b.decode() for b in stub.ModelInfer(
            of_streams, metadata=tuple((headers or {}).items())
        ).outputs[0].contents.bytes_contents]
    answers["contents"] = [b.decode() for b in
                           contents.outputs[0].contents.bytes_contents]
    broken = service_pb2.ModelInferRequest(
        model_name=model, inputs=[{"name": "text", "datatype": "BYTES",
                                   "shape": [1]}])
    answers["broken"] = []
    for raw in (b"\x05\x00\x00\x00ab", b"\x01\x00\x00\x00\xff", b"\x00", b""):
        broken.ClearField("raw_input_contents")
        broken.raw_input_contents.append(raw)
        try:
            stub.ModelInfer(broken, metadata=tuple((headers or {}).items()))
            answers["broken"].append("OK")
        except grpc.RpcError as error:
            answers["broken"].append(error.code().name)
    statistics = client.get_inference_statistics(model, headers=headers, as_json=True)
    answers["statistics"] = statistics["model_stats"][0]["inference_stats"]["success"]
    answers["unknown model"] = refusal(
        lambda: client.infer("nothing", [text], headers=headers))
    answers["unknown input"] = refusal(
        lambda: client.infer(model, [tensor(triton, "words", TEXTS)], headers=headers))
    answers["two inputs of a name"] = refusal(lambda: client.infer(
        model, [text, tensor(triton, "text", ["x"])], headers=headers))
    answers["unknown parameter"] = refusal(lambda: client.infer(
        model, [text], parameters={"top_k": 5}, headers=headers))
    answers["unknown output"] = refusal(lambda: client.infer(
        model, [text], outputs=[triton.InferRequestedOutput("logits")], headers=headers))
    answers["others"] = [refusal(call)[0] for call in (
        lambda: client.load_model(model, headers=headers),
        lambda: client.get_trace_settings(headers=headers),
        lambda: client.get_log_settings(headers=headers),
        lambda: client.get_system_shared_memory_status(headers=headers))]
    answers["version"] = refusal(
        lambda: client.infer(model, [text], model_version="2", headers=headers))

    async def aio():
        other = triton_aio.InferenceServerClient(address, **options)
        inputs = [tensor(triton_aio, "text", TEXTS)]
        results = await asyncio.gather(*(
            other.infer(model, inputs, headers=headers) for _ in range(8)))
        await other.close()
        return [strings(r) for r in results]

    answers["async"] = asyncio.run(aio())
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
