from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import load as load_module
from benchmarks.load import LoadFailed, load
from benchmarks.load_generator import Answers, generate, percentile


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *args: object) -> None:
        return


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        return


@pytest.fixture
def url() -> Iterator[str]:
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def answer(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def test_answers_are_told_apart_wherever_the_stream_is_cut() -> None:
    stream = answer(200, b"one") + answer(404, b"") + answer(200, b"\r\n\r\n")
    for cut in range(len(stream)):
        answers = Answers()
        seen = [*answers.feed(stream[:cut]), *answers.feed(stream[cut:])]
        assert seen == [200, 404, 200]


def test_an_answer_without_a_length_is_refused() -> None:
    with pytest.raises(ValueError, match="no Content-Length"):
        list(Answers().feed(b"HTTP/1.1 200 OK\r\n\r\n"))


def test_percentiles_of_one_to_a_hundred() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.95, 0.99)] == [51, 96, 100]
    assert percentile([], 0.5) == 0


def test_the_own_generator_counts_answers_and_failures(url: str) -> None:
    seen = asyncio.run(generate(url, ["/", "/missing"], connections=2, seconds=0.2, headers={}))
    assert seen["requests"] > 2
    assert abs(seen["failed"] - seen["requests"] / 2) <= 2
    assert 0 < seen["p50_ms"] <= seen["p95_ms"] <= seen["p99_ms"]


@pytest.mark.parametrize("generator", ["wrk", "own"])
def test_a_load_reports_rate_latency_and_cost(
    generator: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if generator == "wrk" and not shutil.which("wrk"):
        pytest.skip("wrk is missing: apt-get install wrk")
    if generator == "own":
        monkeypatch.setattr(load_module, "_wrk", load_module._own)
        monkeypatch.setattr(shutil, "which", lambda name: None)
    seen = load(url, ["/"], server_pid=os.getpid(), connections=2, seconds=1)
    assert seen.generator == generator
    assert seen.requests_per_second > 10
    assert 0 < seen.p50_ms <= seen.p95_ms <= seen.p99_ms
    assert seen.server_cpu_seconds > 0


def test_a_rate_of_errors_is_no_figure(url: str) -> None:
    with pytest.raises(LoadFailed, match="requests failed"):
        load(url, ["/missing"], server_pid=os.getpid(), connections=1, seconds=1)
