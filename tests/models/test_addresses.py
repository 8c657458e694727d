"""Which servers may be asked: the owner's own, and those that a member brings."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from agentnet.contracts.model_specs import OpenAISpec
from agentnet.errors import BadInput, ModelError, ModelUnavailable
from agentnet.models.addresses import JOINED, OWNER, AddressPolicy, Resolver, joined_near, parse_server, reach_of
from agentnet.models.openai.model import OpenAIModel
from tests.models.conftest import Loopback
from tests.models.servers import ASK, good

NAMES = {
    "models.example.org": ["93.184.216.34"],
    "both.example.org": ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "93.184.216.34"],
    "127.0.0.1.nip.io": ["127.0.0.1"],
    "10-0-0-5.sslip.io": ["10.0.0.5"],
    "metadata.evil.org": ["169.254.169.254"],
    "metadata6.evil.org": ["fd00:ec2::254"],
    "azure.evil.org": ["168.63.129.16"],
    "one-of-two.evil.org": ["93.184.216.34", "192.168.0.1"],
    "mapped.evil.org": ["::ffff:10.0.0.1"],
    "nat64.evil.org": ["64:ff9b::a9fe:a9fe"],
    "nat64.example.org": ["64:ff9b::5db8:d822"],
    "6to4.evil.org": ["2002:7f00:1::"],
    "zero.evil.org": ["0.0.0.0"],
    "group.evil.org": ["239.1.1.1"],
    "rubbish.evil.org": ["not an address"],
    "localhost": ["::1", "127.0.0.1"],
    "gpu.lan": ["192.168.0.7"],
    "nothing.example.org": [],
}


async def stub(host: str, port: int) -> Sequence[str]:
    if host not in NAMES:
        raise OSError(f"unknown name {host}")
    return NAMES[host]


def fixed(*addresses: str) -> Resolver:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


AMBIGUOUS = [
    "http://2130706433/v1",
    "http://0x7f000001/v1",
    "http://0x7f.0.0.1/v1",
    "http://0177.0.0.1/v1",
    "http://127.1/v1",
    "http://127.0.0.1./v1",
    "http://127.0.0.256/v1",
    "http://[::ffff:127.0.0.1]/v1",
    "http://[::1/v1",
    "http://[v1.fe]/v1",
    "http://127。0。0。1/v1",
    "http://ⓛocalhost/v1",
    "http://%31%32%37.0.0.1/v1",
    "http://api.openai.com@127.0.0.1/v1",
    "http://api.openai.com:443@127.0.0.1/v1",
    "http://a@b@127.0.0.1/v1",
    "http://models.example.org\\@127.0.0.1/v1",
    "http://127.0.0.1\t/v1",
    "http://127.0.0.1 /v1",
    "http://127.0.0.1\n/v1",
    "http://a..b/v1",
    "http://-a.example.org/v1",
    "http:///v1",
    "http://:80/v1",
    "http://a:0/v1",
    "http://a:99999/v1",
    "http://a:port/v1",
    "//127.0.0.1/v1",
    "file:///etc/passwd",
    "ftp://models.example.org/v1",
    "unix:///run/models.sock",
    "http+unix://run/v1",
    "gopher://127.0.0.1/v1",
    "javascript:alert(1)",
    "",
]
"""Addresses that are refused in the owner's own file as well."""

NOT_FOR_STRANGERS = [
    "http://models.example.org/v1",
    "https://models.example.org:22/v1",
    "https://models.example.org:8080/v1",
    "https://user:word@models.example.org/v1",
    "https://localhost/v1",
    "https://localhost./v1",
    "https://a.localhost/v1",
    "https://gpu/v1",
    "https://models.example.org./v1",
    "https://127.0.0.1/v1",
    "https://127.99.0.1/v1",
    "https://0.0.0.0/v1",
    "https://10.0.0.1/v1",
    "https://172.16.0.1/v1",
    "https://192.168.0.1/v1",
    "https://100.64.0.1/v1",
    "https://169.254.169.254/v1",
    "https://168.63.129.16/v1",
    "https://192.0.2.1/v1",
    "https://192.88.99.1/v1",
    "https://198.18.0.1/v1",
    "https://224.0.0.1/v1",
    "https://240.0.0.1/v1",
    "https://255.255.255.255/v1",
    "https://[::]/v1",
    "https://[::1]/v1",
    "https://[::7f00:1]/v1",
    "https://[fe80::1]/v1",
    "https://[fc00::1]/v1",
    "https://[fec0::1]/v1",
    "https://[fd00:ec2::254]/v1",
    "https://[ff02::1]/v1",
    "https://[64:ff9b::7f00:1]/v1",
    "https://[64:ff9b:1::7f00:1]/v1",
    "https://[2002:7f00:1::]/v1",
    "https://[2001:0:7f00:1::]/v1",
    "https://[2001:db8::1]/v1",
]
"""Addresses that a member that joined may not bring, refused by their spelling alone."""


@pytest.mark.parametrize("policy", [OWNER, JOINED])
@pytest.mark.parametrize("url", AMBIGUOUS)
def test_a_spelling_with_two_readings_is_no_address(url: str, policy: AddressPolicy) -> None:
    with pytest.raises(ModelError, match="not the address of a server") as caught:
        policy.check(url)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", NOT_FOR_STRANGERS)
def test_what_a_member_may_not_bring_the_owner_may_write(url: str) -> None:
    with pytest.raises(ModelError, match="a member that joined may not bring it"):
        JOINED.check(url)
    if "[ff02" in url or "//224." in url:
        with pytest.raises(ModelError, match="multicast"):
            OWNER.check(url)
    else:
        OWNER.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://models.example.org/v1",
        "https://models.example.org:8443/v1",
        "https://MODELS.example.org/v1",
        "https://93.184.216.34/v1",
        "https://[2606:4700::1111]/v1",
        "https://xn--mnchen-3ya.example/v1",
    ],
)
def test_public_servers_may_join(url: str) -> None:
    assert JOINED.check(url).scheme == "https"


def test_a_port_that_the_network_allows() -> None:
    wider = AddressPolicy(joined=True, ports=frozenset({443, 9000}))
    assert wider.check("https://models.example.org:9000/v1").port == 9000


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000", "http://[::1]:9000", "https://192.168.1.7:8000", "http://192.168.1.7"]
)
def test_servers_in_networks_that_the_owner_names_may_join(url: str) -> None:
    near = joined_near("127.0.0.0/8, ::1,192.168.1.0/24")
    assert near.check(url)
    with pytest.raises(ModelError, match="a member that joined may not bring it"):
        JOINED.check(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://192.168.2.7:8000", "must begin with https"),
        ("https://192.168.2.7", "a private address"),
        ("http://user@192.168.1.7", "has a user"),
        ("http://169.254.169.254", "must begin with https"),
        ("https://169.254.169.254", "a metadata address"),
    ],
)
def test_a_near_network_opens_nothing_else(url: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        joined_near("192.168.1.0/24, 169.254.0.0/16").check(url)


async def test_a_name_that_leads_to_a_near_network() -> None:
    near = joined_near("192.168.1.0/24")
    assert await near.addresses(near.check("http://models.lan:8000"), fixed("192.168.1.7")) == ("192.168.1.7",)
    assert await near.addresses(near.check("https://models.example.org"), fixed("93.184.216.34")) == ("93.184.216.34",)
    for url, address in [
        ("http://models.lan:8000", "192.168.2.7"),
        ("http://models.example.org", "93.184.216.34"),
        ("https://models.example.org", "10.0.0.1"),
    ]:
        with pytest.raises(ModelError, match="is not asked"):
            await near.addresses(near.check(url), fixed(address))


def test_networks_that_are_none() -> None:
    assert joined_near("") == JOINED
    with pytest.raises(BadInput, match=r"'192\.168\.1\.7/24' is no network of IP addresses: write it as"):
        joined_near("127.0.0.1, 192.168.1.7/24")


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("127.0.0.1.nip.io", "127.0.0.1 is a loopback address"),
        ("10-0-0-5.sslip.io", "10.0.0.5 is a private address"),
        ("metadata.evil.org", "169.254.169.254 is a metadata address"),
        ("metadata6.evil.org", "metadata"),
        ("azure.evil.org", "metadata"),
        ("one-of-two.evil.org", "192.168.0.1 is a private address"),
        ("mapped.evil.org", "private"),
        ("nat64.evil.org", "metadata"),
        ("6to4.evil.org", "reserved"),
        ("zero.evil.org", "unspecified"),
        ("group.evil.org", "multicast"),
    ],
)
async def test_a_public_name_of_an_inner_machine_may_not_join(host: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        await JOINED.addresses(JOINED.check(f"https://{host}/v1"), stub)


async def test_all_addresses_of_a_public_name() -> None:
    for host in ("models.example.org", "both.example.org", "nat64.example.org"):
        assert list(await JOINED.addresses(JOINED.check(f"https://{host}/v1"), stub)) == NAMES[host]


@pytest.mark.parametrize("host", ["nothing.example.org", "unknown.example.org", "rubbish.evil.org"])
async def test_a_name_without_addresses(host: str) -> None:
    for policy in (OWNER, JOINED):
        with pytest.raises(ModelUnavailable, match=host):
            await policy.addresses(policy.check(f"https://{host}/v1"), stub)


async def test_the_owner_may_name_machines_of_the_inner_network() -> None:
    for host in ("localhost", "gpu.lan", "127.0.0.1.nip.io", "mapped.evil.org"):
        assert await OWNER.addresses(OWNER.check(f"http://{host}/v1"), stub)


@pytest.mark.parametrize(
    "host", ["metadata.evil.org", "metadata6.evil.org", "azure.evil.org", "zero.evil.org", "group.evil.org"]
)
async def test_a_name_in_the_owners_file_never_leads_to_the_metadata_of_a_cloud(host: str) -> None:
    with pytest.raises(ModelError, match="if that is meant, write the address itself"):
        await OWNER.addresses(OWNER.check(f"http://{host}/v1"), stub)


@pytest.mark.parametrize(
    ("address", "reach"),
    [("8.8.8.8", "public"), ("100.100.100.200", "metadata"), ("100.64.0.1", "shared"), ("2001:4860::1", "public")],
)
def test_where_an_address_leads(address: str, reach: str) -> None:
    assert reach_of(ip_address(address)) == reach


def test_what_is_local_by_its_spelling() -> None:
    local = ["http://localhost", "http://a.localhost:1", "http://127.0.0.2", "http://[::1]:80"]
    assert [parse_server(url).is_local for url in [*local, "http://10.0.0.1", "http://a.b"]] == [True] * 4 + [False] * 2


async def test_a_name_is_resolved_once_and_the_request_goes_to_its_address(loopback: Loopback) -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    loopback.answer = lambda _: good()
    port = loopback.url.rpartition(":")[2]
    model = OpenAIModel(OpenAISpec(model="m", base_url=f"http://models.example.org:{port}/v1"), resolver=rebinding)
    for _ in range(3):
        assert (await model.generate(ASK)).text == "4"
    await model.close()
    assert asked == ["models.example.org"]
    assert {request.headers["host"] for request in loopback.asked} == {f"models.example.org:{port}"}


async def test_the_next_address_is_tried_where_one_does_not_answer(loopback: Loopback) -> None:
    async def two(host: str, port: int) -> Sequence[str]:
        return ["::1", "127.0.0.1"]

    loopback.answer = lambda _: good()
    port = loopback.url.rpartition(":")[2]
    model = OpenAIModel(OpenAISpec(model="m", base_url=f"http://localhost:{port}/v1", attempts=1), resolver=two)
    assert (await model.generate(ASK)).text == "4"
    await model.close()


async def test_a_name_is_resolved_again_when_its_addresses_are_gone(loopback: Loopback) -> None:
    answers = [["::1"], ["127.0.0.1"]]

    async def moving(host: str, port: int) -> Sequence[str]:
        return answers.pop(0)

    loopback.answer = lambda _: good()
    port = loopback.url.rpartition(":")[2]
    spec = OpenAISpec(model="m", base_url=f"http://models.example.org:{port}/v1", attempts=2, max_wait=0.01)
    model = OpenAIModel(spec, resolver=moving)
    assert (await model.generate(ASK)).text == "4"
    await model.close()
    assert not answers


async def test_the_certificate_is_asked_for_by_name() -> None:
    hello = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not hello.done():
            hello.set_result(await reader.read(4096))
        writer.close()

    async def here(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        spec = OpenAISpec(model="m", base_url=f"https://models.example.org:{port}/v1", attempts=1, timeout=5)
        model = OpenAIModel(spec, resolver=here)
        with pytest.raises(ModelUnavailable):
            await model.generate(ASK)
        await model.close()
    assert b"models.example.org" in await hello


async def test_no_server_that_joined_is_reached_at_an_inner_address() -> None:
    reached: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.read(1))
        writer.close()

    async def inner(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        spec = OpenAISpec(model="m", base_url=f"https://models.example.org:{port}/v1", attempts=1)
        model = OpenAIModel(spec, policy=AddressPolicy(joined=True, ports=frozenset({port})), resolver=inner)
        with pytest.raises(ModelError, match="loopback"):
            await model.generate(ASK)
        await model.close()
    assert reached == []
