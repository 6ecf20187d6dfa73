#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <vector>

#include "common/wire/probe_datagram.h"
#include "replicast/v1/diagnostics_service.grpc.pb.h"
#include "server/control/control_server_rig.h"

namespace replicast::control {
namespace {

const std::string kNonce = "0123456789abcdef";

// Counts what was sent, by group; thread safe.
struct Network {
  std::mutex mutex;
  std::map<std::string, int> datagrams;
};

class CountingSender : public net::DatagramSender {
 public:
  explicit CountingSender(Network& network) : network_(network) {}
  size_t Send(const std::string& group, uint16_t, const std::vector<std::string>& datagrams) override {
    const std::lock_guard lock(network_.mutex);
    for (const std::string& each : datagrams) {
      EXPECT_TRUE(wire::ParseProbe(each));
      EXPECT_LE(each.size(), 1372u);
    }
    network_.datagrams[group] += static_cast<int>(datagrams.size());
    return datagrams.size();
  }

 private:
  Network& network_;
};

class DiagnosticsServiceTest : public ControlServerRig {
 protected:
  ControlPlane::Sending Sending() override {
    return {.outs =
                [] {
                  return std::vector<ControlPlane::Sending::Out>{{"lo", "127.0.0.1"}};
                },
            .ttl = 3,
            .groups = "239.192.9.0/24",
            .port = 7422,
            .frame_size = 1372,
            .open = [this]() -> absl::StatusOr<std::unique_ptr<net::DatagramSender>> {
              return std::make_unique<CountingSender>(network_);
            }};
  }
  absl::StatusOr<v1::GetNetworkResponse> GetNetwork(const Joined& joined, const std::string& dataset) {
    v1::GetNetworkRequest request;
    request.set_dataset(dataset);
    return Call<v1::DiagnosticsService>(joined.channel, &v1::DiagnosticsService::Stub::GetNetwork, request);
  }
  // A call of Probe under way.
  struct Probing {
    grpc::ClientContext context;
    std::unique_ptr<v1::DiagnosticsService::Stub> stub;
    std::unique_ptr<grpc::ClientReader<v1::ProbeResponse>> reader;
  };
  std::unique_ptr<Probing> Begin(const Joined& joined, const std::string& dataset, const std::string& nonce = kNonce,
                                 int seconds = 1) {
    auto probing = std::make_unique<Probing>();
    probing->context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::ProbeRequest request;
    request.set_nonce(nonce);
    request.set_dataset(dataset);
    request.mutable_duration()->set_seconds(seconds);
    probing->stub = v1::DiagnosticsService::NewStub(joined.channel);
    probing->reader = probing->stub->Probe(&probing->context, request);
    return probing;
  }
  static absl::Status End(Probing& probing, v1::ProbeResponse* last) {
    v1::ProbeResponse message;
    while (probing.reader->Read(&message)) *last = message;
    return rpc::FromGrpc(probing.reader->Finish());
  }
  absl::Status Probe(const Joined& joined, const std::string& dataset, v1::ProbeResponse* last) {
    return End(*Begin(joined, dataset), last);
  }
  Network network_;
};

TEST_F(DiagnosticsServiceTest, TellsAMemberHowItsStreamLeavesTheServer) {
  const Joined member = Join();
  const auto network = GetNetwork(member, "all");
  ASSERT_TRUE(network.ok()) << network.status();
  EXPECT_EQ(network->group(), "239.192.0.1");
  EXPECT_EQ(network->port(), 7422u);
  EXPECT_EQ(network->ttl(), 3u);
  ASSERT_EQ(network->interfaces_size(), 1);
  EXPECT_EQ(network->interfaces(0).name(), "lo");
  EXPECT_EQ(network->interfaces(0).source_address(), "127.0.0.1");
  EXPECT_EQ(network->interfaces(0).mtu(), 65536u);
  EXPECT_EQ(network->groups_size(), 1);
  EXPECT_LT(std::abs(network->server_time().seconds() - absl::ToUnixSeconds(absl::Now())), 60);
}

TEST_F(DiagnosticsServiceTest, TellsAndProbesNobodyWhatItMayNotRead) {
  const Joined member = Join("all");
  EXPECT_EQ(ReasonOf(GetNetwork(member, "other").status()), "DATASET_NOT_GRANTED");
  EXPECT_EQ(ReasonOf(GetNetwork(member, "").status()), "ADMIN_REQUIRED");
  v1::ProbeResponse last;
  EXPECT_EQ(ReasonOf(Probe(member, "other", &last)), "DATASET_NOT_GRANTED");
  EXPECT_EQ(ReasonOf(Probe(member, "", &last)), "ADMIN_REQUIRED");
  EXPECT_TRUE(network_.datagrams.empty());
}

TEST_F(DiagnosticsServiceTest, SendsProbesToTheStreamsGroupAndTellsHowMany) {
  const Joined member = Join();
  v1::ProbeResponse last;
  const absl::Status status = Probe(member, "all", &last);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(last.complete());
  int sent = 0;
  for (const auto& count : last.counts()) sent += static_cast<int>(count.sent());
  EXPECT_GT(sent, 40);
  EXPECT_EQ(network_.datagrams, (std::map<std::string, int>{{"239.192.0.1", sent}}));
}

TEST_F(DiagnosticsServiceTest, ProbesAnAdminsFreeGroupWhereThereIsNoStream) {
  OnLoop([&] { multicaster_.channels.clear(); });
  v1::ProbeResponse last;
  const auto network = GetNetwork(admin_, "");
  ASSERT_TRUE(network.ok()) << network.status();
  EXPECT_TRUE(network->group().starts_with("239.192.9.")) << network->group();
  const absl::Status status = Probe(admin_, "", &last);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(network_.datagrams.size(), 1u);
  EXPECT_EQ(network_.datagrams.begin()->first, network->group());
}

TEST_F(DiagnosticsServiceTest, SaysSoWhenAStreamHasNoGroup) {
  const Joined member = Join();
  OnLoop([&] { multicaster_.channels.clear(); });
  EXPECT_EQ(GetNetwork(member, "all")->group(), "");
  v1::ProbeResponse last;
  EXPECT_EQ(ReasonOf(Probe(member, "all", &last)), "NO_GROUP");
}

TEST_F(DiagnosticsServiceTest, SendsOneProbeAtATime) {
  const Joined first = Join(), second = Join();
  auto under_way = Begin(first, "all", kNonce, 30);
  v1::ProbeResponse message;
  ASSERT_TRUE(under_way->reader->Read(&message));
  v1::ProbeResponse last;
  EXPECT_EQ(ReasonOf(Probe(second, "all", &last)), "PROBE_BUSY");
  // Who goes away ends its probe.
  under_way->context.TryCancel();
  EXPECT_FALSE(End(*under_way, &last).ok());
  absl::Status status;
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  do {
    status = Probe(second, "all", &last);
  } while (ReasonOf(status) == "PROBE_BUSY" && absl::Now() < deadline);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(DiagnosticsServiceTest, GivesEachMemberABudget) {
  const Joined greedy = Join(), other = Join();
  v1::ProbeResponse last;
  absl::Status status;
  int done = 0;
  for (; done < 20; ++done) {
    auto probing = Begin(greedy, "all");
    v1::ProbeResponse message;
    if (!probing->reader->Read(&message)) {
      status = rpc::FromGrpc(probing->reader->Finish());
      if (ReasonOf(status) == "OVER_BUDGET") break;
      ASSERT_EQ(ReasonOf(status), "PROBE_BUSY") << status;
      --done;
      continue;
    }
    probing->context.TryCancel();
    End(*probing, &last).IgnoreError();
  }
  EXPECT_EQ(ReasonOf(status), "OVER_BUDGET");
  EXPECT_LE(done, 8);
  do {
    status = Probe(other, "all", &last);
  } while (ReasonOf(status) == "PROBE_BUSY");
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(DiagnosticsServiceTest, RefusesANonceOfAnotherSize) {
  const Joined member = Join();
  for (const size_t size : {0u, 15u, 17u, 100'000u}) {
    v1::ProbeResponse last;
    EXPECT_EQ(ReasonOf(End(*Begin(member, "all", std::string(size, 'n')), &last)), "REQUEST_INVALID");
  }
}

}  // namespace
}  // namespace replicast::control
