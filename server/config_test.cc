#include "server/config.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "common/base/errors.h"
#include "common/base/temporary_folder.h"

namespace replicast {
namespace {

class ConfigTest : public testing::Test {
 protected:
  absl::Status Read(const std::string& text) {
    std::ofstream(path_) << text;
    return ReadConfigFile(path_, &config_);
  }
  std::string MessageFor(const std::string& text) { return std::string(Read(text).message()); }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
  const std::string path_ = folder_ + "/replicastd.toml";
  ServerConfig config_;
};

TEST_F(ConfigTest, WhatIsWrittenIsReadBack) {
  ServerConfig written;
  written.database = "/srv/a \"strange\" \\name\t\x7f\n.db";
  written.interface = "lo";
  written.listen = "[::1]:7420";
  written.durable = false;
  written.rekey_every = absl::Minutes(90);
  ASSERT_TRUE(CompleteConfig(&written).ok());
  const absl::Status status = Read(ConfigToToml(written));
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(ConfigToToml(config_), ConfigToToml(written));
  EXPECT_EQ(config_.database, written.database);
  EXPECT_EQ(config_.rekey_every, absl::Minutes(90));
}

TEST_F(ConfigTest, EverySettingIsExplainedInTheFile) {
  const std::string text = ConfigToToml(config_);
  for (const Setting& setting : Settings()) {
    EXPECT_NE(text.find("# " + setting.help + "\n" + setting.name + " = "), std::string::npos) << setting.name;
  }
}

TEST_F(ConfigTest, AnUnknownSettingIsNamedWithItsLine) {
  EXPECT_NE(MessageFor("interface = \"lo\"\n\nlisten_on = \"x\"\n").find(path_ + ":3: there is no setting 'listen_on'"),
            std::string::npos);
}

TEST_F(ConfigTest, AWrongValueIsNamedWithItsLine) {
  EXPECT_NE(MessageFor("\nport_data = 70000\n").find(":2: port_data:"), std::string::npos);
  EXPECT_NE(MessageFor("durable = \"perhaps\"\n").find(":1: durable:"), std::string::npos);
  EXPECT_NE(MessageFor("listen = \"nowhere\"\n").find(":1: listen:"), std::string::npos);
  EXPECT_NE(MessageFor("rekey_every = 5\n").find(":1: rekey_every:"), std::string::npos);
  EXPECT_NE(MessageFor("database = [1]\n").find(":1: database"), std::string::npos);
  EXPECT_NE(MessageFor("database = \"a\nlisten").find(":1:"), std::string::npos);
  EXPECT_EQ(ReasonOf(Read("ttl = 1.5\n")), "CONFIG_INVALID");
}

TEST_F(ConfigTest, TheEnvironmentWinsOverTheFileAndAFlagOverBoth) {
  ASSERT_TRUE(Read("interface = \"file\"\ngroups = \"239.1.0.0/16\"\nttl = 2\n").ok());
  const auto environment = [](const char* name) -> const char* {
    if (std::string(name) == "REPLICAST_INTERFACE") return "environment";
    if (std::string(name) == "REPLICAST_TTL") return "3";
    return nullptr;
  };
  ASSERT_TRUE(ReadConfigEnvironment(environment, &config_).ok());
  ASSERT_TRUE(ApplySettings({{"ttl", "4"}}, "flag", &config_).ok());
  EXPECT_EQ(config_.groups, "239.1.0.0/16");
  EXPECT_EQ(config_.interface, "environment");
  EXPECT_EQ(config_.ttl, 4);
}

TEST_F(ConfigTest, OtherPortsFollowTheFirst) {
  config_.database = "x.db";
  config_.listen = "192.0.2.1:8000";
  ASSERT_TRUE(CompleteConfig(&config_).ok());
  EXPECT_EQ(config_.listen_enrolment, "192.0.2.1:8001");
  EXPECT_EQ(config_.port_data, 8002);
}

TEST_F(ConfigTest, PortZeroTakesAnyForAllThree) {
  config_.database = "x.db";
  config_.listen = "127.0.0.1:0";
  ASSERT_TRUE(CompleteConfig(&config_).ok());
  EXPECT_EQ(config_.listen_enrolment, "127.0.0.1:0");
  EXPECT_EQ(config_.port_data, 0);
}

TEST_F(ConfigTest, NamedPortsAreKept) {
  config_.database = "x.db";
  config_.listen = "127.0.0.1:8000";
  config_.listen_enrolment = "127.0.0.1:9000";
  config_.port_data = 5;
  ASSERT_TRUE(CompleteConfig(&config_).ok());
  EXPECT_EQ(config_.listen_enrolment, "127.0.0.1:9000");
  EXPECT_EQ(config_.port_data, 5);
}

TEST_F(ConfigTest, InterfacesAreAListOrATextWithCommas) {
  config_.database = "x.db";
  ASSERT_TRUE(Read("interface = [\"eth0\", \"eth1\"]\n").ok());
  EXPECT_EQ(InterfacesOf(config_), (std::vector<std::string>{"eth0", "eth1"}));
  ASSERT_TRUE(Read("interface = \"eth2, eth3\"\n").ok());
  EXPECT_EQ(InterfacesOf(config_), (std::vector<std::string>{"eth2", "eth3"}));
  ASSERT_TRUE(CompleteConfig(&config_).ok());
  ASSERT_TRUE(Read("interface = \"\"\n").ok());
  EXPECT_TRUE(InterfacesOf(config_).empty());
  EXPECT_NE(MessageFor("interface = [1, 2]\n").find(":1: interface must be"), std::string::npos);
  EXPECT_NE(MessageFor("groups = [\"239.1.0.0/16\"]\n").find(":1: groups must be"), std::string::npos);
  config_.interface = "eth0,eth0";
  EXPECT_EQ(ReasonOf(CompleteConfig(&config_)), "CONFIG_INVALID");
}

TEST_F(ConfigTest, TransportAndDscpAreChecked) {
  ASSERT_TRUE(Read("transport = \"unicast\"\ndscp = 46\nframe_size = 8900\n").ok());
  EXPECT_EQ(config_.transport, "unicast");
  EXPECT_EQ(config_.dscp, 46);
  EXPECT_NE(MessageFor("transport = \"pigeon\"\n").find("'pigeon' is none of auto, multicast, unicast"),
            std::string::npos);
  EXPECT_NE(MessageFor("dscp = 64\n").find(":1: dscp:"), std::string::npos);
  EXPECT_NE(MessageFor("frame_size = 8901\n").find(":1: frame_size:"), std::string::npos);
}

TEST_F(ConfigTest, ATextThatNoFileCouldHoldIsRefused) {
  for (const char* name : {"database", "advertise", "listen"}) {
    const absl::Status status = ApplySettings({{name, "host\xff:7420"}}, "command line", &config_);
    EXPECT_EQ(ReasonOf(status), "CONFIG_INVALID") << name;
  }
}

TEST_F(ConfigTest, WhatDoesNotFitTogetherIsSaid) {
  EXPECT_FALSE(CompleteConfig(&config_).ok());
  config_.database = "x.db";
  config_.listen = "127.0.0.1:65535";
  EXPECT_FALSE(CompleteConfig(&config_).ok());
  config_.listen = "127.0.0.1:1";
  config_.rate_floor = config_.rate_ceiling + 1;
  EXPECT_FALSE(CompleteConfig(&config_).ok());
}

TEST_F(ConfigTest, AMissingFileIsSaid) {
  EXPECT_EQ(ReasonOf(ReadConfigFile(folder_ + "/none", &config_)), "MACHINE_FILE_MISSING");
}

}  // namespace
}  // namespace replicast
