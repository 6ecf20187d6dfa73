#ifndef REPLICAST_COMMON_WIRE_GOLDEN_VECTORS_H_
#define REPLICAST_COMMON_WIRE_GOLDEN_VECTORS_H_

#include <string_view>

// The formats as they were released: hex of bytes made once from the inputs that golden_test.cc names. They stand in
// FORMAT.md too. A change here is a change of the format, which other programs must be told of.
namespace replicast::wire::golden {

inline constexpr std::string_view kSigningPublicKey =
    "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";
inline constexpr std::string_view kDefinition =
    "0a100a0b6d61696e7461696e65727312012a0a380a087061636b616765731202696412046e616d65120473697a6512046461746112046e"
    "6f74651a1073656374696f6e203d20276c69627327";
inline constexpr std::string_view kDefinitionHash = "a6b5ef67131f4b1bf323749b35e19625b4506e141f0c5ddd3b85b449b7387cb3";
inline constexpr std::string_view kRow = "01000000000000002a03000000067a6c69623167023ff8000000000000040000000200ff00";
inline constexpr std::string_view kRowHash = "44a02c560845bdd44ec1b5aa8a884d2d";
inline constexpr std::string_view kOtherRowHash = "41f91bd833fabc67fe320fd521d5573a";
inline constexpr std::string_view kDigest = "8699482e3c407a3c4cf3c57fac5da467";
inline constexpr std::string_view kKeyId = "9dc4ace3b61d2b4e72cdb489fef4aa1d";
inline constexpr std::string_view kDerivedKeyAndSalt =
    "0cb4f290f1384c49c6b6313b15b0861d4a5e0a24c5ebf57c57e2a235ed7d20a4ee1c62fbc589613eb71b38d4";
inline constexpr std::string_view kNonce = "ee1c62fbc589613eb71b38d1";
inline constexpr std::string_view kPayload = "0a1608091001180120012a0c68656c6c6f2c2067726f7570";
inline constexpr std::string_view kFrame =
    "0d4433221115070000001905000000000000002228e9169e3610fe44e461f87efd5a55d0e54c54ecc771c83bd58fcccc52e474fc253e44"
    "75417cd55cba";
inline constexpr std::string_view kKeyUpdate =
    "0a9e010d443322111220a6b5ef67131f4b1bf323749b35e19625b4506e141f0c5ddd3b85b449b7387cb31d0700000025070000002d0800"
    "000030013a20606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f42303755f752748c9c66249b819697411b"
    "79ed9f13752b244aa32075f26088d4412196940f2a7b9a3be680dae95f4dcd55a34a10ed70c3fa4abceb979d8e68f2b2f70ff5124081cf"
    "87cea59f6665ba1f6340914f9749d107cc16d458cf32bd3afdf43d028187b28feec89df214308cf5d29e0ad88424275b46f059f97de244"
    "3e7f888037790d";
inline constexpr std::string_view kKeyUpdateFrame =
    "0d4433221115070000001906000000000000002ae3010a9e010d443322111220a6b5ef67131f4b1bf323749b35e19625b4506e141f0c5d"
    "dd3b85b449b7387cb31d0700000025070000002d0800000030013a20606162636465666768696a6b6c6d6e6f707172737475767778797a"
    "7b7c7d7e7f42303755f752748c9c66249b819697411b79ed9f13752b244aa32075f26088d4412196940f2a7b9a3be680dae95f4dcd55a3"
    "4a10ed70c3fa4abceb979d8e68f2b2f70ff5124081cf87cea59f6665ba1f6340914f9749d107cc16d458cf32bd3afdf43d028187b28fee"
    "c89df214308cf5d29e0ad88424275b46f059f97de2443e7f888037790d";
inline constexpr std::string_view kRatchetSecret = "67e7ca206e7c2f6d76ce79becd13949e65884861b49c963cdb695f81dc83d47c";
inline constexpr std::string_view kSealedBundle =
    "4a02786494dc483cbede7104e947c0aad233e04d6876ccc594437cf3d41e0450faaae7edbddc59d08c2b6caae1f83a5417ad6ebdb8698b"
    "38ed9a92616fbfe8f6c828e19b938bb939dc3d2eaefb3dc607d64a0d23895819f6dbca73706bca49b1110e09c3cfbd716ec97c0eacfd69"
    "8209721c335c028c974f701b62d5ed493d6b2785a0a03b31c5ef1cc6c4a3c3b3c59ad62af965bfd6ca3c2daa81f5b6ba5af588533ea153"
    "c4caa65eabe02914965bd95363ec98c5a9851a291a12e516212b8343c2cb1722c8e6b23291f15b95785109effb";
inline constexpr std::string_view kBundleSignature =
    "2d6c559c5d7fc8322c13bae28a72a3d2019b10eaf21749433ecc260b3fa43d0dc6cd382b25dbc59a4e6bad3ec65e50286216353c0e059a"
    "f4267b33eefa014309";
inline constexpr std::string_view kUnitHeader =
    "08011210a0a1a2a3a4a5a6a7a8a9aaabacadaeaf1a20a6b5ef67131f4b1bf323749b35e19625b4506e141f0c5ddd3b85b449b7387cb320"
    "8080b019288280b4194003488080f9c0c1c48203500158016a16080112108699482e3c407a3c4cf3c57fac5da4671802";
inline constexpr std::string_view kUnitBody =
    "0a5a0801120a080112060a01011201521a4a080212070a01011202545512130a0103220206042a0a7a6c6962316762617368120e0a0202"
    "001a08000000000000f83f120b0a0204002201022a0200ff120b0a0200032201022a02c3a9";
inline constexpr std::string_view kUnitPart =
    "0a6708011210a0a1a2a3a4a5a6a7a8a9aaabacadaeaf1a20a6b5ef67131f4b1bf323749b35e19625b4506e141f0c5ddd3b85b449b7387c"
    "b3208080b019288280b4194003488080f9c0c1c48203500158016a16080112108699482e3c407a3c4cf3c57fac5da4671802126528b52f"
    "fd205ce102000a5a0801120a080112060a01011201521a4a080212070a01011202545512130a0103220206042a0a7a6c69623167626173"
    "68120e0a0202001a08000000000000f83f120b0a0204002201022a0200ff120b0a0200032201022a02c3a91a40c1aee409235a052a761a"
    "682b894de41befa97255dc7afafa17e42b8e38d9d6b543cbe75246fb6a2de5b36467a2156e1739538495d38c8650545d658750e8ae07";
inline constexpr std::string_view kChain = "99d83359cff65e8b5cc4751ef3fb1400cece65e1f4848c75b26062044eccdf5b";
inline constexpr std::string_view kChunkHeader =
    "0a10a0a1a2a3a4a5a6a7a8a9aaabacadaeaf1220a6b5ef67131f4b1bf323749b35e19625b4506e141f0c5ddd3b85b449b7387cb318012a"
    "0c10c045000000000000000001308280b419380342121210000000000000000000000000000000004216080112108699482e3c407a3c4c"
    "f3c57fac5da4671802";
inline constexpr std::string_view kChunkRows =
    "080212070a01011202545512130a0103220206042a0a7a6c6962316762617368120e0a0202001a08000000000000f83f120b0a02040022"
    "01022a0200ff120b0a0200032201022a02c3a9";
inline constexpr std::string_view kChunk =
    "0a770a10a0a1a2a3a4a5a6a7a8a9aaabacadaeaf1220a6b5ef67131f4b1bf323749b35e19625b4506e141f0c5ddd3b85b449b7387cb318"
    "012a0c10c045000000000000000001308280b419380342121210000000000000000000000000000000004216080112108699482e3c407a"
    "3c4cf3c57fac5da4671802125328b52ffd204a510200080212070a01011202545512130a0103220206042a0a7a6c696231676261736812"
    "0e0a0202001a08000000000000f83f120b0a0204002201022a0200ff120b0a0200032201022a02c3a91a40027f36703710c3887b6ee955"
    "94c5a81a45b7b2240094955afaa0dd85607a553950c31930f70e76fa23f149ba66c7457637b008bde1b7d57214abe4aaad78cb04";
inline constexpr std::string_view kFirstPiece =
    "1a420a4008011232080112060a0101120158120d0a01032201052a056c69626336120d0a01021a08000000000000044012030a01001203"
    "0a01001a080803100418e0a712";
inline constexpr std::string_view kToken =
    "replicast1.Cg4xOTIuMC4yLjE6NzQyMRIOMTkyLjAuMi4xOjc0MjAaDWEgY2VydGlmaWNhdGUiEMDBwsPExcbHyMnKy8zNzs8qINDR0tPU1db"
    "X2Nna29zd3t_g4eLj5OXm5-jp6uvs7e7v";

inline constexpr std::string_view kAll[] = {kSigningPublicKey,
                                            kDefinition,
                                            kDefinitionHash,
                                            kRow,
                                            kRowHash,
                                            kOtherRowHash,
                                            kDigest,
                                            kKeyId,
                                            kDerivedKeyAndSalt,
                                            kNonce,
                                            kPayload,
                                            kFrame,
                                            kKeyUpdate,
                                            kKeyUpdateFrame,
                                            kRatchetSecret,
                                            kSealedBundle,
                                            kBundleSignature,
                                            kUnitHeader,
                                            kUnitBody,
                                            kUnitPart,
                                            kChain,
                                            kChunkHeader,
                                            kChunkRows,
                                            kChunk,
                                            kFirstPiece,
                                            kToken};

}  // namespace replicast::wire::golden

#endif  // REPLICAST_COMMON_WIRE_GOLDEN_VECTORS_H_
