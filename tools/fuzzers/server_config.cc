// Feeds replicastd.toml to the server's configuration parser, and the same text as one setting's value.
// Oracle: a wrong file is refused with a reason that names the file; the settings that were read, when they fit
// together, written as a file and read again, are the same.
#include "common/base/errors.h"
#include "server/config.h"
#include "tools/fuzzers/fuzz_input.h"

namespace replicast::fuzz {

std::vector<std::string> Seeds() {
  ServerConfig config;
  config.database = "/var/lib/app/master.db";
  return {SeedWriter().Byte(0).Rest(ConfigToToml(config)).Done(),
          SeedWriter()
              .Byte(0)
              .Rest("database = 'm.db'\nlisten = \"[::1]:0\"\nrekey_every = \"90m\"\nttl = 0x10\n"
                    "durable = false\nrate_floor = 1_000\n")
              .Done(),
          SeedWriter().Byte(1).Byte(1).Rest("127.0.0.1:7420").Done(),
          SeedWriter().Byte(1).Byte(5).Rest("239.192.0.0/14").Done(),
          SeedWriter().Byte(1).Byte(11).Rest("1h30m").Done()};
}

namespace {

constexpr char kName[] = "replicastd.toml";

void CheckReads(const ServerConfig& config) {
  const std::string text = ConfigToToml(config);
  ServerConfig again;
  REPLICAST_CHECK(ReadConfigText(text, kName, &again).ok());
  REPLICAST_CHECK(ConfigToToml(again) == text);
}

void Check(absl::Status status, ServerConfig config) {
  if (!status.ok()) {
    REPLICAST_CHECK(ReasonOf(status) == "CONFIG_INVALID");
    return;
  }
  // Only what is complete is ever written.
  status = CompleteConfig(&config);
  if (status.ok()) CheckReads(config);
}

}  // namespace
}  // namespace replicast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace replicast;
  fuzz::FuzzInput input(data, size);
  ServerConfig config;
  config.database = "master.db";
  if (!input.Bool()) {
    const absl::Status status = ReadConfigText(input.Rest(), fuzz::kName, &config);
    fuzz::Check(status, config);
  } else {
    const Setting& setting = Settings()[input.Byte() % Settings().size()];
    const absl::Status status = ApplySettings({{setting.name, input.Rest()}}, "command line", &config);
    fuzz::Check(status, config);
  }
  return 0;
}
