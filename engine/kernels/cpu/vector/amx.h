#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_AMX_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_AMX_H_

#include <stddef.h>
#include <stdint.h>

#include "engine/kernels/cpu/vector/avx512.h"

namespace peregrine::kernels {

// How AMX multiplies its tiles of 16 rows of 64 bytes, in assembler: g++ 12
// does not know that its own loads read memory. Tiles 0 to 3 hold the sums of a
// square, upper left, upper right, lower left, lower right; 4 and 5 its upper
// and lower rows of inputs, 6 and 7 its left and right columns of weights.
struct AmxInt8Multiply {
  static void LeftUpper() { asm volatile("tdpbusd %tmm6, %tmm4, %tmm0"); }
  static void RightUpper() { asm volatile("tdpbusd %tmm7, %tmm4, %tmm1"); }
  static void LeftLower() { asm volatile("tdpbusd %tmm6, %tmm5, %tmm2"); }
  static void RightLower() { asm volatile("tdpbusd %tmm7, %tmm5, %tmm3"); }
};

struct AmxBFloat16Multiply {
  static void LeftUpper() { asm volatile("tdpbf16ps %tmm6, %tmm4, %tmm0"); }
  static void RightUpper() { asm volatile("tdpbf16ps %tmm7, %tmm4, %tmm1"); }
  static void LeftLower() { asm volatile("tdpbf16ps %tmm6, %tmm5, %tmm2"); }
  static void RightLower() { asm volatile("tdpbf16ps %tmm7, %tmm5, %tmm3"); }
};

// The sums of up to 32 rows of inputs by 32 columns, in the tiles of the
// calling thread. See TileLinear.
template <class Multiply>
class AmxSquare {
 public:
  static constexpr int kRows = 32;
  static constexpr int kColumns = 32;
  static constexpr int kSteps = 16;  // of a tile of inputs or weights

  // Sets up the tiles for `rows` rows from now on. They are the thread's until
  // Release.
  static void Configure(int rows) {
    const int upper = UpperRows(rows);
    const int lower = rows - upper;
    Configuration tiles;
    __builtin_memset(&tiles, 0, sizeof(tiles));
    tiles.palette = 1;
    for (const int tile : {0, 1, 4}) tiles.Set(tile, upper);
    for (const int tile : {2, 3, 5}) {
      if (lower > 0) tiles.Set(tile, lower);
    }
    for (const int tile : {6, 7}) tiles.Set(tile, kSteps);
    asm volatile("ldtilecfg %0" : : "m"(tiles) : "memory");
  }
  static void Release() { asm volatile("tilerelease"); }

  // The sums begin with a row that is the same for all, or with zero where
  // `first_sums` is null.
  static void Start(int rows, const int32_t* first_sums) {
    const bool both = rows > kTileRows;
    if (first_sums == nullptr) {
      asm volatile("tilezero %tmm0\n\ttilezero %tmm1");
      if (both) asm volatile("tilezero %tmm2\n\ttilezero %tmm3");
      return;
    }
    const int32_t* const right = first_sums + kColumns / 2;
    constexpr size_t kSameRow = 0;
    asm volatile("tileloadd (%0,%2,1), %%tmm0\n\ttileloadd (%1,%2,1), %%tmm1"
                 :
                 : "r"(first_sums), "r"(right), "r"(kSameRow)
                 : "memory");
    if (both) {
      asm volatile("tileloadd (%0,%2,1), %%tmm2\n\ttileloadd (%1,%2,1), %%tmm3"
                   :
                   : "r"(first_sums), "r"(right), "r"(kSameRow)
                   : "memory");
    }
  }

  // kSteps steps of the inputs, `stride` bytes from row to row, and of the
  // panel.
  static void Step(int rows, const char* inputs, size_t stride,
                   const uint32_t* lanes) {
    constexpr size_t kLanesStride = kColumns * sizeof(uint32_t);
    asm volatile("tileloadd (%0,%1,1), %%tmm4"
                 :
                 : "r"(inputs), "r"(stride)
                 : "memory");
    asm volatile("tileloadd (%0,%1,1), %%tmm6"
                 :
                 : "r"(lanes), "r"(kLanesStride)
                 : "memory");
    Multiply::LeftUpper();
    asm volatile("tileloadd (%0,%1,1), %%tmm7"
                 :
                 : "r"(lanes + kColumns / 2), "r"(kLanesStride)
                 : "memory");
    Multiply::RightUpper();
    if (rows > kTileRows) {
      asm volatile("tileloadd (%0,%1,1), %%tmm5"
                   :
                   : "r"(inputs + UpperRows(rows) * stride), "r"(stride)
                   : "memory");
      Multiply::LeftLower();
      Multiply::RightLower();
    }
  }

  // To [rows, kColumns].
  static void Store(int rows, uint32_t* sums) {
    constexpr size_t kStride = kColumns * sizeof(uint32_t);
    asm volatile("tilestored %%tmm0, (%0,%2,1)\n\ttilestored %%tmm1, (%1,%2,1)"
                 :
                 : "r"(sums), "r"(sums + kColumns / 2), "r"(kStride)
                 : "memory");
    if (rows > kTileRows) {
      uint32_t* const lower = sums + UpperRows(rows) * kColumns;
      asm volatile(
          "tilestored %%tmm2, (%0,%2,1)\n\ttilestored %%tmm3, (%1,%2,1)"
          :
          : "r"(lower), "r"(lower + kColumns / 2), "r"(kStride)
          : "memory");
    }
  }

 private:
  struct alignas(64) Configuration {
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];

    void Set(int tile, int num_rows) {
      rows[tile] = static_cast<uint8_t>(num_rows);
      row_bytes[tile] = 64;
    }
  };
  static_assert(sizeof(Configuration) == 64);

  static constexpr int kTileRows = 16;

  // Few rows take one tile; of more, two half-filled tiles take no longer than
  // a full one and an almost empty one.
  static int UpperRows(int rows) {
    return rows > kTileRows ? (rows + 1) / 2 : rows;
  }
};

// What the vectors do beside AMX: the same numbers in the same Format, in
// panels as wide as its squares.
struct AmxInt8Product : Avx512VnniProduct {
  static constexpr int kVectors = 2;
  using Square = AmxSquare<AmxInt8Multiply>;
};

struct AmxBFloat16Product : Avx512BFloat16Product {
  static constexpr int kVectors = 2;
  using Square = AmxSquare<AmxBFloat16Multiply>;
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_AMX_H_
