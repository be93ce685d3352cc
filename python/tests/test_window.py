"""The order, the limits and the repetition of a stream's texts; no server."""

import grpc
import pytest

from peregrine_translate.errors import make_error
from peregrine_translate.window import RetryPolicy, Window

POLICY = RetryPolicy(max_attempts=3, first_pause=1.0, longest_pause=4.0)
DONE = object()  # stands for a translation, at which the window does not look


def full(retry_after=None):
    error = make_error(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
    error.retry_after = retry_after
    return error


def make_window(capacity=4, ordered=True, texts="abcd"):
    window = Window(capacity, ordered, POLICY)
    for text in texts:
        window.add(text)
    return window


def send_all(window, now=0.0):
    sent = []
    while (due := window.take_due(now)) is not None:
        sent.append(due[0])
    return sent


def finished(window):
    results = []
    while (result := window.take_finished()) is not None:
        results.append(result.index)
    return results


def test_gives_results_in_the_order_of_the_texts():
    window = make_window()
    assert send_all(window) == [0, 1, 2, 3]
    window.answer(2, DONE, None, 0.0)
    window.answer(1, DONE, None, 0.0)
    assert finished(window) == []
    window.answer(0, DONE, None, 0.0)
    assert finished(window) == [0, 1, 2]
    assert not window.is_empty
    window.answer(3, DONE, None, 0.0)
    assert finished(window) == [3]
    assert window.is_empty


def test_gives_results_as_they_come_where_order_does_not_matter():
    window = make_window(ordered=False)
    send_all(window)
    window.answer(3, DONE, None, 0.0)
    window.answer(0, DONE, None, 0.0)
    assert finished(window) == [3, 0]


def test_holds_no_more_than_its_capacity():
    window = make_window(capacity=2, texts="ab")
    assert not window.has_room
    send_all(window)
    window.answer(0, DONE, None, 0.0)
    assert not window.has_room  # until the result is taken
    assert finished(window) == [0]
    assert window.has_room


def test_a_refused_text_is_due_after_the_pause_that_the_server_asks_for():
    window = make_window(texts="a")
    send_all(window)
    window.answer(0, None, full(retry_after=7.0), now=10.0)
    assert window.next_due(10.0) == pytest.approx(7.0)
    assert window.take_due(16.9) is None
    assert window.take_due(17.0) == (0, "a")


def test_a_text_fails_after_its_last_attempt():
    window = make_window(texts="a")
    for now in (0.0, 100.0, 200.0):
        assert window.take_due(now) == (0, "a")
        window.answer(0, None, full(), now)
    result = window.take_finished()
    assert result.error.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    with pytest.raises(type(result.error)):
        result.unwrap()


def test_progress_of_others_gives_attempts_back():
    window = make_window(texts="ab")
    send_all(window)
    for now in (0.0, 100.0):
        window.answer(0, None, full(), now)
        send_all(window, now + 50)
    window.answer(1, DONE, None, 200.0)
    window.answer(0, None, full(), 200.0)
    assert window.take_finished() is None  # not given up
    assert send_all(window, 300.0) == [0]


def test_an_error_that_repeating_cannot_mend_is_the_result():
    window = make_window(texts="a")
    send_all(window)
    window.answer(0, None, make_error(grpc.StatusCode.INVALID_ARGUMENT, "bad"), 0.0)
    assert window.take_finished().error.message == "bad"


def test_a_full_server_gets_half_as_many_at_a_time():
    window = make_window(capacity=8, texts="abcdefgh")
    send_all(window)
    for index in range(8):
        window.answer(index, None, full(), now=0.0)
    assert len(send_all(window, 100.0)) == 4


def test_success_raises_the_number_at_a_time_again():
    window = Window(64, True, POLICY)
    for index in range(64):
        window.add(str(index))
    send_all(window)
    for index in range(64):
        window.answer(index, None, full(), now=0.0)
    sent = send_all(window, 100.0)
    assert len(sent) == 32
    for index in sent:
        window.answer(index, DONE, None, 100.0)
    assert len(send_all(window, 100.0)) == 32  # all that is left; one more would go


def test_a_broken_stream_puts_what_was_sent_back_in_order():
    window = make_window()
    send_all(window)
    window.answer(1, DONE, None, 0.0)
    window.take_back_sent()
    assert send_all(window) == [0, 2, 3]


def test_an_answer_to_what_was_not_sent_is_ignored():
    window = make_window(texts="a")
    window.answer(0, DONE, None, 0.0)
    window.answer(17, DONE, None, 0.0)
    assert window.take_finished() is None


def test_a_window_of_nothing_is_refused():
    with pytest.raises(ValueError, match="max_in_flight: found 0"):
        Window(0, True, POLICY)


def test_stable_text_grows_and_begins_anew_where_a_text_is_sent_again():
    window = make_window(texts="ab")
    assert window.extend(0, 0, "early") is None  # not sent
    send_all(window)
    assert window.extend(0, 0, "Grö").text == "Grö"
    assert window.extend(0, 4, "ße").text == "Größe"
    assert window.extend(0, 3, "x") is None  # does not follow
    assert window.extend(9, 0, "x") is None
    window.take_back_sent()
    send_all(window)
    assert window.extend(0, 0, "An").text == "An"
    window.answer(0, DONE, None, 0.0)
    assert window.extend(0, 2, "x") is None  # answered
