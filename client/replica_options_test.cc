#include "client/replica_options.h"

#include <gtest/gtest.h>

#include <vector>

namespace replicast {
namespace {

std::optional<ReplicaOptions> Parse(std::vector<const char*> arguments, int* exit_code) {
  arguments.insert(arguments.begin(), "replicast-replica");
  return ParseReplicaOptions(static_cast<int>(arguments.size()), arguments.data(), exit_code);
}

TEST(ReplicaOptionsTest, TakesEveryFlag) {
  int exit_code = -1;
  const auto options = Parse({"--join",
                              "-",
                              "--dataset",
                              "d",
                              "--database",
                              "r.db",
                              "--interface",
                              "lo",
                              "--max-rate",
                              "10MB",
                              "--transport",
                              "unicast",
                              "--simulate-loss",
                              "5%",
                              "--simulate-duplicate",
                              "--simulate-reorder",
                              "0.1",
                              "--simulate-seed",
                              "9",
                              "--verbose"},
                             &exit_code);
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->join, "-");
  EXPECT_EQ(options->dataset, "d");
  EXPECT_EQ(options->database, "r.db");
  EXPECT_EQ(options->interface, "lo");
  EXPECT_EQ(options->transport, "unicast");
  EXPECT_EQ(options->max_rate_bytes_per_second, 10'000'000u);
  EXPECT_DOUBLE_EQ(options->faults.drop, 0.05);
  EXPECT_DOUBLE_EQ(options->faults.duplicate, 0.05);
  EXPECT_DOUBLE_EQ(options->faults.reorder, 0.1);
  EXPECT_EQ(options->faults.seed, 9u);
  EXPECT_TRUE(options->verbose);
}

TEST(ReplicaOptionsTest, TellsWhichOfWhatComesIsTaken) {
  int exit_code = -1;
  const auto options = Parse({"--database", "r.db", "--memory", "server", "--until", "812.3", "--schedule",
                              "22:00-06:00", "--schedule", "12:00-13:00", "--rate-cap", "500kB", "--tables", "a,b"},
                             &exit_code);
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->server_remembers, true);
  EXPECT_EQ(options->until->lsn, Lsn::Of(812, 3));
  EXPECT_EQ(options->schedule, (std::vector<std::string>{"22:00-06:00", "12:00-13:00"}));
  EXPECT_EQ(options->rate_cap_bytes_per_second, 500'000u);
  const auto same = Parse({"--database", "r.db", "--table", "a", "--table", "b"}, &exit_code);
  EXPECT_EQ(options->narrowing, same->narrowing);
  const auto back =
      Parse({"--database", "r.db", "--schedule", "always", "--rate-cap", "none", "--memory", "client"}, &exit_code);
  ASSERT_TRUE(back.has_value());
  EXPECT_TRUE(back->schedule->empty());
  EXPECT_EQ(back->rate_cap_bytes_per_second, 0u);
  EXPECT_EQ(back->server_remembers, false);
}

TEST(ReplicaOptionsTest, TheDatabaseAloneIsEnoughLater) {
  int exit_code = -1;
  const auto options = Parse({"--database", "r.db"}, &exit_code);
  ASSERT_TRUE(options.has_value());
  EXPECT_FALSE(options->join.has_value());
  EXPECT_FALSE(options->max_rate_bytes_per_second.has_value());
}

TEST(ReplicaOptionsTest, WrongUsageEndsWithTwoAndHelpWithZero) {
  for (const std::vector<const char*>& wrong :
       std::vector<std::vector<const char*>>{{},
                                             {"--no-such-flag"},
                                             {"--database", "r.db", "--simulate-loss", "much"},
                                             {"--database", "r.db", "--transport", "pigeon"},
                                             {"--database", "r.db", "--memory", "nobody"},
                                             {"--database", "r.db", "--until", "tomorrow"},
                                             {"--database", "r.db", "--schedule", "at night"},
                                             {"--database", "r.db", "--rate-cap", "slow"},
                                             {"--database", "r.db", "--max-rate", "fast"}}) {
    int exit_code = -1;
    EXPECT_FALSE(Parse(wrong, &exit_code).has_value());
    EXPECT_EQ(exit_code, 2);
  }
  int exit_code = -1;
  EXPECT_FALSE(Parse({"--help"}, &exit_code).has_value());
  EXPECT_EQ(exit_code, 0);
}

TEST(ReplicaOptionsTest, SharesAreAPercentageOrAFraction) {
  EXPECT_DOUBLE_EQ(*ParseShare("5%"), 0.05);
  EXPECT_DOUBLE_EQ(*ParseShare("0.25"), 0.25);
  EXPECT_DOUBLE_EQ(*ParseShare("0"), 0);
  for (const char* wrong : {"100%", "1", "-1%", "x", "5 %x", "nan"})
    EXPECT_FALSE(ParseShare(wrong).has_value()) << wrong;
}

TEST(ReplicaOptionsTest, RatesAreBytesWithAUnit) {
  EXPECT_EQ(ParseByteRate("1500"), 1500u);
  EXPECT_EQ(ParseByteRate("10MB"), 10'000'000u);
  EXPECT_EQ(ParseByteRate("10 MB/s"), 10'000'000u);
  EXPECT_EQ(ParseByteRate("1.5k"), 1500u);
  EXPECT_EQ(ParseByteRate("2GiB"), 2ull << 30);
  for (const char* wrong : {"", "MB", "10 parsecs", "-5", "0", "1e300"})
    EXPECT_FALSE(ParseByteRate(wrong).has_value()) << wrong;
}

}  // namespace
}  // namespace replicast
