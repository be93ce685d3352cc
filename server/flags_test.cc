#include "server/flags.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "engine/kernels/precision.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/process/cpu_count.h"

namespace peregrine::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Config Parse(std::vector<std::string> arguments) {
  const ParsedConfig parsed = ParseConfig(std::move(arguments));
  EXPECT_TRUE(parsed.config.has_value()) << parsed.output;
  return parsed.config.value_or(Config());
}

std::string Refused(std::vector<std::string> arguments) {
  const ParsedConfig parsed = ParseConfig(std::move(arguments));
  EXPECT_FALSE(parsed.config.has_value());
  EXPECT_EQ(parsed.exit_code, 2);
  return parsed.output;
}

TEST(ConfigTest, Defaults) {
  const Config config = Parse({"--model=models/en-de"});
  ASSERT_EQ(config.models.size(), 1u);
  EXPECT_EQ(config.models[0].name, "");
  EXPECT_EQ(config.models[0].directory, "models/en-de");
  EXPECT_EQ(config.listen, "127.0.0.1:50051");
  EXPECT_EQ(config.model_options.batcher.num_workers, AvailableCpus());
  EXPECT_EQ(config.drain_timeout, absl::Seconds(30));
  EXPECT_EQ(config.admin_listen, "off");
}

TEST(ConfigTest, LimitsOfOneModel) {
  const Config config =
      Parse({"--model=a,b", "--max-queue-sentences=2000", "--workers=4",
             "--model-limit=a.max-queue-sentences=1500,a.workers=2"});
  EXPECT_EQ(config.OptionsOf("a").batcher.queue.max_sentences, 1500);
  EXPECT_EQ(config.OptionsOf("a").batcher.num_workers, 2);
  EXPECT_EQ(config.OptionsOf("b").batcher.queue.max_sentences, 2000);
  EXPECT_EQ(config.OptionsOf("b").batcher.num_workers, 4);
  EXPECT_THAT(Refused({"--model=a", "--model-limit=a.max-text-bytes=9999999"}),
              HasSubstr("--model-limit of a: --max-text-bytes: found 9999999"));
  EXPECT_THAT(Refused({"--model=a", "--model-limit=a.nonsense=1"}),
              HasSubstr("--model-limit: found option nonsense"));
}

TEST(ConfigTest, LanguagesAndApis) {
  const Config config =
      Parse({"--model=a,b", "--apis=google-v3,kserve-v2",
             "--default-source-language=en", "--prefer-model=en/de=b",
             "--max-text-bytes=999"});
  EXPECT_TRUE(config.service.apis.google_v3);
  EXPECT_TRUE(config.service.apis.kserve_v2);
  EXPECT_FALSE(Parse({"--model=a"}).service.apis.google_v3);
  EXPECT_EQ(config.routes.default_source, "en");
  ASSERT_EQ(config.routes.preferred.size(), 1u);
  EXPECT_EQ(config.routes.preferred[0].target, "de");
  EXPECT_EQ(config.routes.preferred[0].model, "b");
  EXPECT_EQ(config.service.limits.max_text_bytes, 999);
  EXPECT_THAT(Refused({"--model=a", "--apis=soap"}), HasSubstr("soap"));
  EXPECT_THAT(Refused({"--model=a", "--prefer-model=en-de=b"}),
              HasSubstr("expected SOURCE/TARGET=MODEL"));
  EXPECT_THAT(Refused({"--model=a", "--default-source-language=!"}),
              HasSubstr("expected a language"));
}

TEST(ConfigTest, SeveralModels) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--model=a", "--model=x=b"},
        std::vector<std::string>{"--model", "a,x=b"}}) {
    const Config config = Parse(arguments);
    ASSERT_EQ(config.models.size(), 2u);
    EXPECT_EQ(config.models[0].directory, "a");
    EXPECT_EQ(config.models[1].name, "x");
    EXPECT_EQ(config.models[1].directory, "b");
  }
}

TEST(ConfigTest, ValuesLandWhereTheyBelong) {
  const Config config = Parse(
      {"--model=a", "--device=reference", "--precision=int8", "--workers=3",
       "--listen=:0", "--metrics-listen=off", "--max-batch-rows=99",
       "--max-batch-tokens=5000", "--max-queue-sentences=2000",
       "--max-queue-tokens=9000", "--max-queue-age=1500ms", "--max-beam-size=7",
       "--max-texts-per-request=11", "--max-text-bytes=13",
       "--max-message-bytes=1000", "--drain-timeout=2m", "--log-level=debug"});
  ASSERT_EQ(config.devices.size(), 1u);
  EXPECT_EQ(config.devices[0].device, kernels::Device::kReference);
  EXPECT_EQ(config.devices[0].num_workers, 3);
  EXPECT_EQ(config.devices[0].precision, kernels::Precision::kInt8);
  EXPECT_EQ(config.model_options.batcher.num_workers, 3);
  EXPECT_EQ(config.listen, ":0");
  EXPECT_EQ(config.metrics_listen, "off");
  EXPECT_EQ(config.model_options.batcher.session.max_rows, 99);
  EXPECT_EQ(config.model_options.batcher.session.max_source_tokens, 5000);
  EXPECT_EQ(config.model_options.batcher.queue.max_sentences, 2000);
  EXPECT_EQ(config.model_options.batcher.queue.max_source_tokens, 9000);
  EXPECT_EQ(config.model_options.batcher.queue.max_age,
            absl::Milliseconds(1500));
  EXPECT_EQ(config.model_options.limits.max_beam_size, 7);
  EXPECT_EQ(config.model_options.limits.max_texts, 11);
  EXPECT_EQ(config.model_options.limits.max_text_bytes, 13);
  EXPECT_EQ(config.service.max_message_bytes, 1000);
  EXPECT_EQ(config.drain_timeout, absl::Minutes(2));
  EXPECT_EQ(config.log_level, "debug");
}

TEST(ConfigTest, PrecisionIsTheFastestUnlessToldOtherwise) {
  using kernels::Precision;
  EXPECT_EQ(Parse({"--model=a"}).devices[0].precision,
            kernels::ParsePrecision("auto", kernels::Device::kCpu).value());
  EXPECT_EQ(Parse({"--model=a", "--precision=float32"}).devices[0].precision,
            Precision::kFloat32);
  EXPECT_EQ(Parse({"--model=a", "--precision=bf16"}).devices[0].precision,
            Precision::kBFloat16);
  // By the device, whichever comes first.
  EXPECT_EQ(Parse({"--model=a", "--precision=auto", "--device=reference"})
                .devices[0]
                .precision,
            Precision::kFloat32);
}

TEST(ConfigTest, DevicesShareTheQueueEachWithItsWorkers) {
  const Config config = Parse({"--model=a", "--devices=cpu:2,cuda:0",
                               "--gpu-memory-mib=4096", "--precision=auto"});
  ASSERT_EQ(config.devices.size(), 2u);
  EXPECT_EQ(config.devices[0].num_workers, 2);
  EXPECT_EQ(config.devices[1].num_workers, 1);
  EXPECT_EQ(config.devices[1].device.memory_bytes, size_t{4} << 30);
  EXPECT_EQ(config.devices[1].precision, kernels::Precision::kFloat16);
  EXPECT_EQ(config.model_options.batcher.num_workers, 3);
  EXPECT_EQ(Parse({"--model=a", "--workers=5"}).devices[0].num_workers, 5);
}

TEST(ConfigTest, WorkersOnACpuHaveThreadsWhereThatIsAskedFor) {
  EXPECT_EQ(Parse({"--model=a"}).devices[0].device.num_threads, 1);
  const Config config = Parse(
      {"--model=a", "--devices=cpu:1,cpu-onednn:1", "--threads-per-worker=2"});
  EXPECT_EQ(config.devices[0].device.num_threads, 2);
  EXPECT_EQ(config.devices[1].device.num_threads, 1);
  EXPECT_EQ(Parse({"--model=a", "--workers=3", "--threads-per-worker=2"})
                .devices[0]
                .num_workers,
            3);
  // No more threads than CPUs, unless they are asked for.
  EXPECT_EQ(
      Parse({"--model=a", "--threads-per-worker=256"}).devices[0].num_workers,
      std::max(1, AvailableCpus() / 256));
  EXPECT_THAT(Refused({"--model=a", "--threads-per-worker=0"}),
              HasSubstr("--threads-per-worker"));
  EXPECT_THAT(
      Refused({"--model=a", "--device=reference", "--threads-per-worker=2"}),
      HasSubstr("--threads-per-worker: found 2, but only the device "
                "cpu shares work between threads, and --devices has "
                "reference"));
}

TEST(ConfigTest, TheCommandLineOutranksTheFileAndThatTheEnvironment) {
  const std::string path = ::testing::TempDir() + "/server_config_test.toml";
  std::ofstream(path) << "model = [\"from-file\"]\nmax-batch-rows = 31\n"
                         "max-batch-tokens = 4000\ndrain-timeout = \"7s\"\n";
  setenv("PEREGRINE_MAX_BATCH_ROWS", "32", 1);
  setenv("PEREGRINE_MAX_TEXT_BYTES", "33", 1);
  const Config config = Parse({"--config=" + path, "--max-batch-tokens=5000"});
  unsetenv("PEREGRINE_MAX_BATCH_ROWS");
  unsetenv("PEREGRINE_MAX_TEXT_BYTES");
  ASSERT_EQ(config.models.size(), 1u);
  EXPECT_EQ(config.models[0].directory, "from-file");
  EXPECT_EQ(config.model_options.batcher.session.max_source_tokens, 5000);
  EXPECT_EQ(config.model_options.batcher.session.max_rows, 31);
  EXPECT_EQ(config.model_options.limits.max_text_bytes, 33);
  EXPECT_EQ(config.drain_timeout, absl::Seconds(7));
}

TEST(ConfigTest, ModelsFromTheEnvironment) {
  setenv("PEREGRINE_MODEL", "a,x=b", 1);
  const Config config = Parse({});
  unsetenv("PEREGRINE_MODEL");
  ASSERT_EQ(config.models.size(), 2u);
  EXPECT_EQ(config.models[1].name, "x");
}

// Of a config file with this text, named by --config or the environment.
std::string RefusedFile(const std::string& text) {
  const std::string path = ::testing::TempDir() + "/server_config_refused.toml";
  std::ofstream(path) << text;
  const std::string by_flag = Refused({"--config=" + path});
  EXPECT_EQ(Refused({"--config", path}), by_flag);
  setenv("PEREGRINE_CONFIG", path.c_str(), 1);
  const std::string by_variable = Refused({});
  unsetenv("PEREGRINE_CONFIG");
  const std::string start = "--config: " + path + " ";
  EXPECT_THAT(by_flag, StartsWith(start));
  const std::string what = by_flag.substr(start.size());
  EXPECT_EQ(by_variable, "PEREGRINE_CONFIG: " + path + " " + what);
  return what.substr(0, what.find('\n'));
}

TEST(ConfigTest, ErrorsOfTheFileNameItAndTheLine) {
  EXPECT_EQ(RefusedFile("model = \"a\"\nmax-batch-rwos = 31\n"),
            "line 2: found max-batch-rwos, which is no option; is "
            "max-batch-rows meant?");
  EXPECT_EQ(RefusedFile("model = \"a\"\nmax_batch_rows = 31\n"),
            "line 2: found max_batch_rows, which is no option; is "
            "max-batch-rows meant?");
  EXPECT_EQ(RefusedFile("nonsense = 1\n"),
            "line 1: found nonsense, which is no option");
  EXPECT_EQ(RefusedFile("config = 'x'\n"),
            "line 1: found config, which is no option");
  EXPECT_EQ(RefusedFile("model = 'a'\n\nworkers = many\n"),
            "line 3: --workers: Value many not in range 1 to 1024");
  EXPECT_EQ(RefusedFile("workers = 0\n"),
            "line 1: --workers: Value 0 not in range 1 to 1024");
  EXPECT_THAT(RefusedFile("workers = [1, 2]\n"),
              StartsWith("line 1: --workers"));
  EXPECT_THAT(RefusedFile("workers = 'a b'\n"),
              StartsWith("line 1: --workers"));
  EXPECT_THAT(RefusedFile("log-requests = perhaps\n"),
              AllOf(StartsWith("line 1: "), HasSubstr("log-requests")));
  EXPECT_EQ(
      RefusedFile("drain-timeout = 3\n"),
      "line 1: --drain-timeout: found 3, allowed 0s to 24h, e.g. 500ms or "
      "30s");
  EXPECT_EQ(RefusedFile("workers = 1\nlisten = ':1'\nworkers = 2\n"),
            "line 3: found workers again, after line 1; several values are a "
            "[list]");
  EXPECT_EQ(RefusedFile("device = cpu\ndevices = cpu\n"),
            "line 2: found devices, which line 1 has set");
  EXPECT_EQ(RefusedFile("model = \"a\"\nworkers = [1\n"),
            "line 2: found [ without ]");
}

TEST(ConfigTest, FilesThatCannotBeReadAreNamed) {
  EXPECT_THAT(Refused({"--model=a", "--config=/no/such/file"}),
              StartsWith("--config: /no/such/file cannot be read: No such file "
                         "or directory\n"));
  EXPECT_THAT(Refused({"--model=a", "--config=/"}),
              StartsWith("--config: / cannot be read: Is a directory\n"));
  EXPECT_THAT(Refused({"--model=a", "--config"}), HasSubstr("--config"));
  setenv("PEREGRINE_CONFIG", "/no/such/file", 1);
  EXPECT_THAT(Refused({"--model=a"}),
              StartsWith("PEREGRINE_CONFIG: /no/such/file cannot be read"));
  unsetenv("PEREGRINE_CONFIG");
}

TEST(ConfigTest, AllKindsOfValuesStandInTheFile) {
  const std::string path = ::testing::TempDir() + "/server_config_kinds.toml";
  std::ofstream(path) << "model = ['a', 'x=b']\nlog-requests = true\n"
                         "unsafe-log-texts = false\nport-file = ''\n"
                         "device = reference\nworkers = 3  # a comment\n"
                         "model-limit = [\"x.max-text-bytes=77\"]\n";
  const Config config = Parse({"--config=" + path});
  ASSERT_EQ(config.models.size(), 2u);
  EXPECT_EQ(config.models[1].name, "x");
  EXPECT_TRUE(config.service.log_requests);
  EXPECT_FALSE(config.service.log_texts);
  EXPECT_EQ(config.devices.at(0).device, kernels::Device::kReference);
  EXPECT_EQ(config.devices.at(0).num_workers, 3);
  EXPECT_EQ(config.OptionsOf("x").limits.max_text_bytes, 77);
  // Whatever the option is called.
  EXPECT_EQ(Parse({"--config=" + path, "--devices=cpu:1"}).devices.at(0).device,
            kernels::Device::kCpu);
}

TEST(ConfigTest, TheFileMayBeNamedByTheEnvironment) {
  const std::string path = ::testing::TempDir() + "/server_config_env.toml";
  std::ofstream(path) << "model = \"from-file\"\n";
  setenv("PEREGRINE_CONFIG", path.c_str(), 1);
  EXPECT_EQ(Parse({}).models.at(0).directory, "from-file");
  setenv("PEREGRINE_CONFIG", "/no/such/file", 1);
  // The command line outranks it.
  EXPECT_EQ(Parse({"--config", path}).models.at(0).directory, "from-file");
  unsetenv("PEREGRINE_CONFIG");
}

TEST(ConfigTest, ErrorsOfTheEnvironmentNameTheVariable) {
  setenv("PEREGRINE_WORKERS", "many", 1);
  EXPECT_THAT(
      Refused({"--model=a"}),
      StartsWith("environment: PEREGRINE_WORKERS: --workers: Value many "
                 "not in range 1 to 1024\n"));
  EXPECT_EQ(Parse({"--model=a", "--workers=2"}).devices.at(0).num_workers, 2);
  unsetenv("PEREGRINE_WORKERS");
  setenv("PEREGRINE_DRAIN_TIMEOUT", "soon", 1);
  EXPECT_THAT(Refused({"--model=a"}),
              StartsWith("environment: PEREGRINE_DRAIN_TIMEOUT: "
                         "--drain-timeout: found soon"));
  unsetenv("PEREGRINE_DRAIN_TIMEOUT");
}

TEST(ConfigTest, MisspeltVariablesAreErrors) {
  setenv("PEREGRINE_MAX_BATCH_ROW", "3", 1);
  EXPECT_THAT(Refused({"--model=a"}),
              HasSubstr("is PEREGRINE_MAX_BATCH_ROWS meant?"));
  unsetenv("PEREGRINE_MAX_BATCH_ROW");
  setenv("PEREGRINE_QUEUE", "3", 1);
  EXPECT_EQ(Parse({"--model=a"}).unknown_variables,
            std::vector<std::string>{"PEREGRINE_QUEUE"});
  unsetenv("PEREGRINE_QUEUE");
}

TEST(ConfigTest, BadValuesNameTheFlag) {
  EXPECT_THAT(Refused({"--model=", "--listen=127.0.0.1:0"}),
              HasSubstr("--model: found nothing after '=', expected a value"));
  EXPECT_THAT(Refused({}), HasSubstr("--model: found none"));
  EXPECT_THAT(Refused({"--model=x="}), HasSubstr("empty directory"));
  EXPECT_THAT(Refused({"--model=a", "--workers=0"}),
              HasSubstr("--workers: Value 0 not in range 1 to 1024"));
  EXPECT_THAT(Refused({"--model=a", "--workers=100000"}),
              HasSubstr("--workers: Value 100000 not in range 1 to 1024"));
  for (const char* flag :
       {"--keepalive-time", "--keepalive-timeout", "--tls-refresh"}) {
    EXPECT_THAT(Refused({"--model=a", std::string(flag) + "=0s"}),
                HasSubstr(std::string(flag) + ": found 0s, allowed 1s to"));
  }
  EXPECT_THAT(Refused({"--model=a", "--max-connection-bytes=1"}),
              HasSubstr("--max-connection-bytes: found 1, needed at least "
                        "25165824"));
  EXPECT_THAT(Refused({"--model=a", "--max-response-bytes=1000"}),
              HasSubstr("allowed at most --max-response-bytes (1000)"));
  EXPECT_THAT(Refused({"--model=a", "--max-connections-per-address=-1"}),
              HasSubstr("--max-connections-per-address"));
  EXPECT_THAT(Refused({"--model=a", "--workers=many"}), HasSubstr("--workers"));
  EXPECT_THAT(Refused({"--model=a", "--device=gpu"}), HasSubstr("--devices"));
  EXPECT_THAT(Refused({"--model=a", "--precision=int4"}),
              HasSubstr("--precision"));
  EXPECT_THAT(Refused({"--model=a", "--drain-timeout=soon"}),
              HasSubstr("--drain-timeout: found soon"));
  EXPECT_THAT(Refused({"--model=a", "--drain-timeout=-1s"}),
              HasSubstr("--drain-timeout"));
  EXPECT_THAT(Refused({"--model=a", "--listen=localhost"}),
              HasSubstr("--listen"));
  EXPECT_THAT(Refused({"--model=a", "--listen=:70000"}), HasSubstr("--listen"));
  EXPECT_THAT(Refused({"--model=a", "--log-level=loud"}),
              HasSubstr("--log-level"));
  EXPECT_THAT(Refused({"--model=a", "--max-batch-rows=-5"}),
              HasSubstr("--max-batch-rows"));
  EXPECT_THAT(Refused({"--model=a", "--no-such-flag"}),
              HasSubstr("--no-such-flag"));
}

TEST(ConfigTest, FlagsThatContradictEachOther) {
  EXPECT_THAT(Refused({"--model=a", "--max-beam-size=9", "--max-batch-rows=8"}),
              HasSubstr("--max-beam-size: found 9, allowed at most "
                        "--max-batch-rows (8)"));
  EXPECT_THAT(Refused({"--model=a", "--max-queue-sentences=10"}),
              HasSubstr("--max-texts-per-request"));
  EXPECT_THAT(Refused({"--model=a", "--max-text-bytes=9000000"}),
              HasSubstr("--max-text-bytes"));
  EXPECT_THAT(Refused({"--model=a", "--unsafe-log-texts"}),
              HasSubstr("--unsafe-log-texts: found it without --log-requests"));
}

TEST(ConfigTest, TextsAreLoggedOnlyWhereThatIsAskedFor) {
  EXPECT_FALSE(Parse({"--model=a", "--log-requests"}).service.log_texts);
  EXPECT_TRUE(Parse({"--model=a", "--log-requests", "--unsafe-log-texts"})
                  .service.log_texts);
}

TEST(ConfigTest, HelpNamesEveryFlagWithItsVariable) {
  const ParsedConfig parsed = ParseConfig({"--help"});
  EXPECT_EQ(parsed.exit_code, 0);
  for (const char* name : {"--model",
                           "--devices",
                           "--gpu-memory-mib",
                           "--precision",
                           "--workers",
                           "--threads-per-worker",
                           "--listen",
                           "--metrics-listen",
                           "--port-file",
                           "--max-batch-rows",
                           "--max-batch-tokens",
                           "--max-queue-sentences",
                           "--max-queue-tokens",
                           "--max-queue-age",
                           "--max-texts-per-request",
                           "--max-text-bytes",
                           "--max-beam-size",
                           "--max-stream-texts",
                           "--max-message-bytes",
                           "--keepalive-time",
                           "--drain-timeout",
                           "--log-level",
                           "--config",
                           "--version",
                           "PEREGRINE_MAX_BATCH_ROWS",
                           "PEREGRINE_CONFIG"}) {
    EXPECT_THAT(parsed.output, HasSubstr(name));
  }
}

TEST(ConfigTest, Version) {
  const ParsedConfig parsed = ParseConfig({"--version"});
  EXPECT_EQ(parsed.exit_code, 0);
  EXPECT_THAT(parsed.output, HasSubstr("peregrine-server "));
}

}  // namespace
}  // namespace peregrine::server
