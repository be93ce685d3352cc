"""Addresses, tokens and options: what is taken, and how a fault is named."""

import pytest

from peregrine_translate import Client, Options, Tls
from peregrine_translate._wire import translation_pb2 as pb
from peregrine_translate.channel import make_endpoint, make_target
from peregrine_translate.options import make_options
from peregrine_translate.requests import make_request


def endpoint(address, **changes):
    arguments = {
        "tls": False,
        "token": None,
        "insecure_token": False,
        "max_attempts": 5,
        "metadata": (),
    }
    return make_endpoint(address, **{**arguments, **changes})


@pytest.mark.parametrize(
    "address, target",
    [
        ("localhost:50051", "localhost:50051"),
        ("translate.example", "translate.example:50051"),
        ("10.0.0.1:1", "10.0.0.1:1"),
        ("::1", "[::1]:50051"),
        ("[::1]", "[::1]:50051"),
        ("[::1]:99", "[::1]:99"),
        ("dns:///translate.example:50051", "dns:///translate.example:50051"),
        ("unix:/run/peregrine.sock", "unix:/run/peregrine.sock"),
        (["127.0.0.1:1"], "127.0.0.1:1"),
        (["127.0.0.1:1", "localhost:2"], "ipv4:127.0.0.1:1,127.0.0.1:2"),
        (["[::1]:1", "[fe80::2]:2"], "ipv6:[::1]:1,[fe80::2]:2"),
    ],
)
def test_address(address, target):
    assert make_target(address) == target


@pytest.mark.parametrize(
    "address, message",
    [
        ("", "found an empty one"),
        ([], "found an empty list"),
        ("host:port", "found the port 'port'"),
        ("host:0", "found the port '0'"),
        ("host:65536", "found the port '65536'"),
        (["a.example:1", "b.example:1"], "found the name 'a.example'"),
        (["127.0.0.1:1", "[::1]:1"], "IPv4 and IPv6"),
    ],
)
def test_wrong_address(address, message):
    with pytest.raises(ValueError, match="address: .*" + message.replace("(", "")):
        make_target(address)


def test_a_token_goes_in_clear_to_this_machine_only(monkeypatch):
    monkeypatch.delenv("PEREGRINE_TOKEN", raising=False)
    bearer = (("authorization", "Bearer secret"),)
    assert endpoint("localhost:1", token="secret\n").metadata == bearer
    assert endpoint("[::1]:1", token="secret").metadata == bearer
    assert endpoint("far.example:1", token="secret", tls=True).metadata == bearer
    assert endpoint("far.example:1", token="secret", insecure_token=True).metadata == bearer
    for address in ("far.example:1", "10.0.0.1:1", ["127.0.0.1:1", "10.0.0.1:1"]):
        with pytest.raises(ValueError, match="unencrypted"):
            endpoint(address, token="secret")
    for token in ("", " ", "a\nb", "\u00e4"):
        with pytest.raises(ValueError, match="token: "):
            endpoint("localhost:1", token=token)


def test_the_token_of_the_environment(monkeypatch):
    monkeypatch.setenv("PEREGRINE_TOKEN", "of-the-environment")
    assert endpoint("localhost:1").metadata[0][1] == "Bearer of-the-environment"


def test_tls_names_what_is_missing(tmp_path):
    with pytest.raises(ValueError, match="one of certificate and key"):
        endpoint("localhost:1", tls=Tls(certificate=b"x"))
    with pytest.raises(ValueError, match=r"tls\.ca: cannot read .*absent"):
        endpoint("localhost:1", tls=Tls(ca=tmp_path / "absent"))


def test_max_attempts():
    assert ("grpc.enable_retries", 0) in endpoint("localhost:1", max_attempts=1).options
    config = dict(endpoint("localhost:1", max_attempts=3).options)["grpc.service_config"]
    assert '"maxAttempts": 3' in config
    for number in (0, 6):
        with pytest.raises(ValueError, match=f"max_attempts: found {number}"):
            endpoint("localhost:1", max_attempts=number)


def test_options_are_those_of_the_contract():
    assert set(Options.__annotations__) == set(pb.DecodingOptions.DESCRIPTOR.fields_by_name)


def test_options():
    assert make_options(None) is None
    message = make_options({"beam_size": 5, "length_penalty": None})
    assert message.beam_size == 5
    assert not message.HasField("length_penalty")


def test_options_of_several_parts():
    message = make_options(
        {
            "sampling": {"top_k": 5, "seed": 7},
            "stopping": "never",
            "target_prefix": "Das",
            "must_contain": ["Haus", {"tokens": ["\u2581Hund"]}],
            "allow_unknown": False,
        }
    )
    assert (message.sampling.top_k, message.sampling.seed) == (5, 7)
    assert message.stopping == pb.STOPPING_NEVER
    assert message.target_prefix.text == "Das"
    assert message.must_contain[0].text == "Haus"
    assert list(message.must_contain[1].tokens) == ["\u2581Hund"]
    assert message.HasField("allow_unknown") and not message.allow_unknown


@pytest.mark.parametrize(
    "options, message",
    [
        ({"stopping": "soon"}, r"options\.stopping: found 'soon'"),
        ({"must_contain": "Haus"}, r"options\.must_contain: found 'Haus': expected a list"),
        ({"sampling": {"top": 1}}, r"options\.sampling"),
        ({"beam": 5}, r"found 'beam', expected one of .*beam_size"),
        ({"beam_size": "five"}, r"options\.beam_size: found 'five'"),
        ({"beam_size": 1 << 40}, r"options\.beam_size"),
        ({"use_shortlist": 3}, r"options\.use_shortlist: found 3"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        make_options(options)


def test_an_unknown_argument_is_named():
    with pytest.raises(TypeError, match="found the argument 'tongue', expected one of"):
        make_request(["a"], {"tongue": "de"})
    with pytest.raises(ValueError, match="priority: found 'high'"):
        make_request(["a"], {"priority": "high"})


def test_a_wrong_client_leaves_no_thread():
    with pytest.raises(ValueError, match="address"):
        Client("host:port")
