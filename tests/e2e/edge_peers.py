"""Clients that others have made, against the edge: grpcio of today and sonora,
a client of gRPC-web. Both know the contract by its descriptor alone.

edge_peers.py HOST:PORT AUTHORITY.pem DESCRIPTOR TEXT: prints JSON.
"""

import json
import sys

import grpc
import sonora.client
from google.protobuf import (
    descriptor_pb2, descriptor_pool, duration_pb2, message_factory, struct_pb2,
    timestamp_pb2)
# Of googleapis-common-protos, whose messages ours refer to.
from google.api import annotations_pb2, httpbody_pb2  # noqa: F401
from google.rpc import error_details_pb2, status_pb2  # noqa: F401

assert duration_pb2 and struct_pb2 and timestamp_pb2  # imported for messages

SERVICE = "/peregrine.v1.TranslationService/"


def load_messages(path):
    with open(path, "rb") as file:
        files = descriptor_pb2.FileDescriptorSet.FromString(file.read())
    pool = descriptor_pool.Default()
    for file in files.file:
        # google.rpc is there already: tests/e2e/test_contract.py compares.
        if not file.name.startswith("google/"):
            pool.Add(file)
    return lambda name: message_factory.GetMessageClass(
        pool.FindMessageTypeByName("peregrine.v1." + name))


def main():
    address, authority, descriptor, text = sys.argv[1:]
    message = load_messages(descriptor)

    def method(channel, kind, name):
        return getattr(channel, kind)(
            SERVICE + name,
            message(name + "Request").SerializeToString,
            message(name + "Response").FromString)

    request = message("TranslateRequest")(texts=[{"text": text}])

    with open(authority, "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    answers = {}
    with grpc.secure_channel(address, credentials) as channel:
        reply = method(channel, "unary_unary", "Translate")(
            request, timeout=60)
        answers["grpc"] = reply.translations[0].hypotheses[0].text

    with sonora.client.insecure_web_channel(f"https://{address}") as channel:
        translate = method(channel, "unary_unary", "Translate")
        reply = translate(request, timeout=60)
        answers["grpc-web"] = reply.translations[0].hypotheses[0].text
        try:
            translate(message("TranslateRequest")(
                texts=[{"text": text}], options={"beam_size": 999}),
                timeout=60)
        except grpc.RpcError as error:
            answers["grpc-web-error"] = error.details()
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
