#ifndef REPLICAST_COMMON_BASE_LIMITS_H_
#define REPLICAST_COMMON_BASE_LIMITS_H_

#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>

// Every bound of the system, in one place. Input from the network never chooses a size beyond these.
namespace replicast::limits {

// Data plane.
inline constexpr size_t kDefaultFrameSize = 1372;  // 1,400 bytes of IP payload less 8 of UDP, and room for IPv6
inline constexpr size_t kMinFrameSize = 512;
inline constexpr size_t kMaxFrameSize = 8900;
inline constexpr size_t kMaxDatagram = 9216;
inline constexpr size_t kMaxSources = 16;                // addresses that one stream is sent from, or interfaces
inline constexpr size_t kFrameOverhead = 80;             // header, AEAD tag, symbol fields: the most they take
inline constexpr uint64_t kReplayWindow = 4096;          // sequences
inline constexpr size_t kRepairRingBytes = 64u << 20;    // recent symbols that the server can repair from
inline constexpr size_t kReceiveQueueBytes = 16u << 20;  // datagrams between socket and receiver
inline constexpr size_t kReorderBytes = 16u << 20;       // symbols above a gap
inline constexpr size_t kPendingEpochFrames = 512;       // frames of the next two epochs without their key
inline constexpr size_t kMaxRepairSymbols = 512;         // in one Repair call
inline constexpr size_t kMaxRepairRanges = 64;
inline constexpr int kMaxBurst = 16;      // datagrams sent back to back
inline constexpr int kMaxStreams = 1024;  // multicast streams of a server

// Units and chunks.
inline constexpr size_t kUnitPartBytes = 256u << 10;     // target, before compression
inline constexpr size_t kMaxUnitPartBytes = 8u << 20;    // decompressed, most
inline constexpr size_t kMaxSignedPartBytes = 9u << 20;  // as it travels
inline constexpr size_t kChunkBytes = 128u << 10;        // target, before compression
inline constexpr size_t kMaxChunkBytes = 8u << 20;
inline constexpr size_t kMaxWholeRowBytes = kUnitPartBytes;  // a longer row travels in pieces
inline constexpr size_t kMaxShortValueBytes = 1024;          // of a row in pieces; longer ones are in the pieces
inline constexpr size_t kPieceBytes = 256u << 10;            // of one piece, before compression
inline constexpr size_t kDefaultMaxRowBytes = 256u << 20;    // of one row, on server and replica; both can set it
inline constexpr size_t kMostMaxRowBytes = 1'000'000'000;    // SQLite's own bound
inline constexpr size_t kMaxKeyBytes = 4u << 20;             // of one row's key
inline constexpr size_t kMaxHeldUnitBytes = 32u << 20;       // live units kept aside while a gap is repaired
inline constexpr size_t kMaxUnitInMemoryBytes = 8u << 20;    // parts of one unit on a replica; more of it goes to disk
inline constexpr uint64_t kDrainRows = 20'000;  // keys that one read transaction of the detector turns into units
inline constexpr absl::Duration kLease = absl::Minutes(10);  // of what a relay may grant
inline constexpr int kMaxPath = 8;                           // servers from a member up to the master
inline constexpr size_t kMaxTables = 256;                    // in one definition
inline constexpr size_t kMaxColumns = 2000;
inline constexpr size_t kMaxRanges = 512;              // in one comparison
inline constexpr size_t kMaxHeldRanges = 64;           // that a snapshot's chunks are compared with, in one request
inline constexpr size_t kHeldRows = 1000;              // of one of them
inline constexpr size_t kMaxRowDigests = 1000;         // of one range of it
inline constexpr size_t kMaxChangedKeys = 4096;        // that it leaves out
inline constexpr size_t kMaxToldKeyBytes = 1 << 20;    // of either in one answer
inline constexpr uint64_t kMaxChangedBytes = 8 << 20;  // of the units that tell which
inline constexpr size_t kMaxViews = 256;               // in one dataset
inline constexpr size_t kMaxViewBytes = 16 << 10;      // of one view's text
inline constexpr size_t kMaxKeyColumns = 16;
inline constexpr size_t kMaxFilterBytes = 4096;
inline constexpr size_t kMaxFilterValueBytes = 64u << 20;  // twice the columns that filters read of a row
inline constexpr size_t kMaxFilterMadeBytes = 1u << 20;    // a value that a filter makes, unless the row is larger
inline constexpr int kMaxFilterSteps = 1'000'000;          // instructions of SQLite's machine for one filter and row
inline constexpr int kMaxFilterDepth = 100;                // of an expression
inline constexpr int kMaxFilterPatternBytes = 256;         // of LIKE and GLOB
inline constexpr size_t kMaxNameBytes = 128;

// The master and the server's state.
inline constexpr uint64_t kOutboxCapacity = 1'000'000;  // entries
inline constexpr uint64_t kOutboxTrimEvery = 1024;
inline constexpr uint64_t kUnitStoreBytes = 1ull << 30;  // default retention
inline constexpr size_t kIndexOverlayEntries = 100'000;  // changes of the row index kept in memory before a flush

inline constexpr int64_t kLogBytes = 16 << 20;  // of a write-ahead log that nobody writes to just now

// Control plane.
inline constexpr size_t kMaxMessageBytes = 16u << 20;  // gRPC, both ends
inline constexpr int kMaxConnections = 1024;
inline constexpr int kMaxConnectionsPerAddress = 256;
inline constexpr int kMaxStreamsPerMember = 8;  // server streams of one member at a time
inline constexpr size_t kMaxDisplayName = 64;
inline constexpr int kMaxMembers = 100'000;
inline constexpr int kMaxDatasets = 10'000;
inline constexpr size_t kMaxCombinedDatasets = 256;  // of those, made of several by who follows them
inline constexpr uint32_t kMaxPageSize = 1000;

// Times.
inline constexpr absl::Duration kHeartbeatMin = absl::Milliseconds(5);
inline constexpr absl::Duration kHeartbeatMax = absl::Seconds(1);
// While data never pauses: eight padded ones (SilenceWatch::kNarrow) in a little over three seconds.
inline constexpr absl::Duration kHeartbeatWhileData = absl::Milliseconds(200);
inline constexpr absl::Duration kEmptyUnitBusy = absl::Seconds(1);
inline constexpr absl::Duration kEmptyUnitIdle = absl::Seconds(10);
inline constexpr absl::Duration kClockSetBack = absl::Seconds(1);  // less than this is a clock's drift
inline constexpr absl::Duration kRepairGiveUp = absl::Seconds(2);
inline constexpr absl::Duration kOldKeyLifetime = absl::Minutes(1);
inline constexpr absl::Duration kKeyAnnounce = absl::Seconds(10);
inline constexpr absl::Duration kRekeyEvery = absl::Hours(1);
inline constexpr absl::Duration kRatchetMin = absl::Seconds(1);
inline constexpr int kRatchetBurst = 16;
inline constexpr absl::Duration kRpcDeadline = absl::Seconds(10);
inline constexpr absl::Duration kReportIdle = absl::Minutes(1);
inline constexpr absl::Duration kMemberCertificateLifetime = absl::Hours(24 * 365);

static_assert(kMaxSignedPartBytes < kMaxMessageBytes, "a part must fit a gRPC message");
static_assert(kMaxColumns * (kMaxShortValueBytes + 32) + kUnitPartBytes < kMaxUnitPartBytes,
              "a row of short values fits a part, behind others");
static_assert(kMaxColumns * (kMaxShortValueBytes + 32) + kChunkBytes < kMaxChunkBytes, "and a chunk");
static_assert(kMaxKeyBytes + kUnitPartBytes < kMaxUnitPartBytes, "the longest key fits a part");
static_assert(kMaxWholeRowBytes + kChunkBytes < kMaxChunkBytes, "the longest whole row may overshoot the target");
static_assert(kMinFrameSize > 4 * kFrameOverhead);
static_assert(kMaxFrameSize < kMaxDatagram);

}  // namespace replicast::limits

#endif  // REPLICAST_COMMON_BASE_LIMITS_H_
