"""What a load pod prints is what the engine reads."""

from hypothesis import given
from hypothesis import strategies as st

from loadgen.inside.settings import Settings
from loadgen.lines import from_line, read, to_line
from loadgen.samples import EDGES_MS, Sample

COUNTS = st.integers(0, 10**6)
SAMPLES = st.builds(
    Sample,
    second=st.integers(0, 2**33),
    worker=st.text(min_size=1),
    intended=COUNTS,
    sent=COUNTS,
    ok=COUNTS,
    failed=st.dictionaries(st.text(min_size=1), COUNTS),
    latency=st.dictionaries(st.integers(0, len(EDGES_MS)), COUNTS),
    start_error_ms_max=st.floats(0, 1e6),
    start_error_ms_p99=st.floats(0, 1e6),
)


@given(SAMPLES)
def test_a_sample_comes_back_as_it_left(sample: Sample) -> None:
    assert from_line(to_line(sample)) == sample


@given(SAMPLES, st.data())
def test_a_line_cut_short_is_no_sample(sample: Sample, data: st.DataObject) -> None:
    line = to_line(sample).rstrip("\n")
    assert from_line(line[: data.draw(st.integers(0, len(line) - 1))]) is None


@given(st.text())
def test_any_other_line_is_no_sample(line: str) -> None:
    assert from_line(line) is None


def test_samples_are_found_among_what_locust_says() -> None:
    sample = Sample(second=7, worker="w", intended=1, sent=1, ok=1)
    assert list(read(["Starting Locust", to_line(sample), "seawall-sample {}", "[1, 2]"])) == [sample]


@given(
    st.builds(
        Settings,
        locustfile=st.just("/load/locustfile.py"),
        timeout=st.sampled_from([0.25, 1.0, 30.0]),
        seed=st.integers(),
        arrivals_per_second=st.sampled_from([0.0, 0.5, 40.0]),
        workers=st.integers(1, 9),
        start_at=st.none() | st.sampled_from([1_700_000_000.125]),
        duration=st.none() | st.sampled_from([0.5, 90.0]),
    )
)
def test_settings_survive_the_environment(settings: Settings) -> None:
    assert Settings.from_env(settings.to_env()) == settings
