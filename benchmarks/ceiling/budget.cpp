// The `budget` model by hand: what a machine gives when one model is all that a program can do.
//
// Blocks of draws stay in the first-level cache; every loop over them is written for the compiler
// to vectorise (GCC's libmvec has the logarithm and the exponential). Nothing is kept of a draw:
// moments and log-spaced histograms are made on the way. No checks, no errors, no scenario.
//
// Uniforms: xoshiro256+ (Blackman, Vigna 2021) in sixteen lanes. Lognormals: Box-Muller (1958),
// then exp. PERT: its quantile function in a table with straight lines between.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

constexpr int BLOCK = 512;
constexpr int LANES = 8;
constexpr int LOGNORMALS = 5, PERTS = 3, OUTPUTS = 8, LEVELS = 5;
constexpr int YEARS = 6;
constexpr int CELLS = 2048;        // of a PERT's table: 16 KiB each, error below 1e-6
constexpr int MANTISSA_BITS = 6;   // 64 bins an octave
constexpr int BINS = 64 << MANTISSA_BITS;
constexpr uint64_t SIGN = 0x8000000000000000;
constexpr double LOWEST = 1.0;     // the histograms reach from here over 64 octaves

struct Model {  // laid out by peers/cpp.py
    double middle[LOGNORMALS], sigma[LOGNORMALS];
    double low_peak, span_peak;
    double low_overhead, mode_overhead, high_overhead;
    double training_factor, serving_factor, limit;
    double levels[LEVELS];
    double pert[PERTS][CELLS + 2];
};

struct Statistics {
    double mean[OUTPUTS], deviation[OUTPUTS], quantile[OUTPUTS][LEVELS], exceedance[OUTPUTS];
};

typedef uint64_t Words __attribute__((vector_size(LANES * 8)));

struct Generator {
    Words s[2][4];  // two states a thread, so that one hides the other's latency

    explicit Generator(uint64_t seed) {
        uint64_t *words = reinterpret_cast<uint64_t *>(s);
        for (unsigned k = 0; k < sizeof s / 8; ++k) {  // SplitMix64
            uint64_t z = (seed += 0x9e3779b97f4a7c15);
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
            z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
            words[k] = z ^ (z >> 31);
        }
    }

    static Words next(Words *s) {
        Words result = s[0] + s[3], t = s[1] << 17;
        s[2] ^= s[0], s[3] ^= s[1], s[1] ^= s[2], s[0] ^= s[3];
        s[2] ^= t;
        s[3] = (s[3] << 45) | (s[3] >> 19);
        return result;
    }

    void fill(uint64_t *out, int n) {
        Words a[4], b[4];
        std::memcpy(a, s[0], sizeof a), std::memcpy(b, s[1], sizeof b);
        for (int i = 0; i < n; i += 2 * LANES) {
            Words x = next(a), y = next(b);
            std::memcpy(out + i, &x, sizeof x), std::memcpy(out + i + LANES, &y, sizeof y);
        }
        std::memcpy(s[0], a, sizeof a), std::memcpy(s[1], b, sizeof b);
    }
};

static inline double from_bits(uint64_t bits) {
    double value;
    std::memcpy(&value, &bits, 8);
    return value;
}

static inline uint64_t to_bits(double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, 8);
    return bits;
}

// The middle of one of 2^52 equal parts of (0, 1): never 0, never 1.
static inline double uniform(uint64_t word) {
    return from_bits((word >> 12) | 0x3ff0000000000000) - (1.0 - 0x1p-53);
}

struct Scratch {
    alignas(64) uint64_t words[LOGNORMALS * BLOCK];
    alignas(64) double lognormal[LOGNORMALS][BLOCK];
    alignas(64) double pert[PERTS][BLOCK];
    alignas(64) double peak[BLOCK], overhead[BLOCK];
    alignas(64) double output[OUTPUTS][BLOCK];
    alignas(64) uint32_t bin[BLOCK];
};

struct Tally {
    uint64_t count[OUTPUTS][BINS] = {};
    double sum[OUTPUTS] = {}, square[OUTPUTS] = {};
    uint64_t above[OUTPUTS] = {};
};

// A turn's first quadrant from its middle, so that the series need reach pi/4 alone; two unused
// bits of the word give the signs.
static void fill_normals(Generator &generator, uint64_t *words, double *out, int n) {
    const int half = n / 2;
    generator.fill(words, n);
    for (int i = 0; i < half; ++i) out[i] = std::log(uniform(words[i]));
    for (int i = 0; i < half; ++i) {
        const uint64_t word = words[half + i];
        const double radius = std::sqrt(-out[i]);  // the 2 goes with the half-angle's 1/sqrt(2)
        const double x = (uniform(word) - 0.5) * 1.5707963267948966, y = x * x;
        const double sine = x * (1 + y * (-1.0 / 6 + y * (1.0 / 120 + y * (-1.0 / 5040
            + y * (1.0 / 362880 + y * (-1.0 / 39916800))))));
        const double cosine = 1 + y * (-0.5 + y * (1.0 / 24 + y * (-1.0 / 720
            + y * (1.0 / 40320 + y * (-1.0 / 3628800 + y * (1.0 / 479001600))))));
        out[i] = from_bits(to_bits(radius * (cosine - sine)) ^ ((word << 52) & SIGN));
        out[half + i] = from_bits(to_bits(radius * (cosine + sine)) ^ ((word << 53) & SIGN));
    }
}

static void draw_inputs(const Model &model, Generator &generator, Scratch &s) {
    fill_normals(generator, s.words, s.lognormal[0], LOGNORMALS * BLOCK);
    for (int k = 0; k < LOGNORMALS; ++k) {
        const double middle = model.middle[k], sigma = model.sigma[k];
        for (int i = 0; i < BLOCK; ++i)
            s.lognormal[k][i] = std::exp(middle + sigma * s.lognormal[k][i]);
    }
    generator.fill(s.words, (PERTS + 2) * BLOCK);
    for (int k = 0; k < PERTS; ++k) {
        const double *table = model.pert[k];
        const uint64_t *words = s.words + k * BLOCK;
        for (int i = 0; i < BLOCK; ++i) {
            const double place = uniform(words[i]) * CELLS;
            const int cell = int(place);
            s.pert[k][i] = table[cell] + (place - cell) * (table[cell + 1] - table[cell]);
        }
    }
    const uint64_t *words = s.words + PERTS * BLOCK;
    for (int i = 0; i < BLOCK; ++i)
        s.peak[i] = model.low_peak + model.span_peak * uniform(words[i]);
    const double low = model.low_overhead, mode = model.mode_overhead, high = model.high_overhead;
    const double cut = (mode - low) / (high - low);
    for (int i = 0; i < BLOCK; ++i) {
        const double u = uniform(words[BLOCK + i]);
        const bool left = u < cut;
        const double part = left ? u * (mode - low) : (1 - u) * (high - mode);
        const double root = std::sqrt(part * (high - low));
        s.overhead[i] = left ? low + root : high - root;
    }
}

static void evaluate(const Model &model, Scratch &s) {
    for (int i = 0; i < BLOCK; ++i) {
        const double parameters = s.lognormal[0][i], tokens = s.lognormal[1][i];
        const double price = s.lognormal[2][i], rate = s.lognormal[3][i];
        const double growth = s.lognormal[4][i];
        const double training = s.pert[0][i], decline = s.pert[1][i], serving = s.pert[2][i];
        const double common = parameters * price * s.overhead[i] / s.peak[i];
        const double change = growth * (1 - decline);
        double bill = model.serving_factor * common * rate / serving;
        double total = s.output[0][i] = model.training_factor * common * tokens / training;
        for (int year = 0; year < YEARS; ++year) {
            s.output[1 + year][i] = bill;
            total += bill;
            bill *= change;
        }
        s.output[OUTPUTS - 1][i] = total;
    }
}

static void tally(const Model &model, Scratch &s, Tally &t) {
    const uint64_t first = to_bits(LOWEST) >> (52 - MANTISSA_BITS);
    for (int k = 0; k < OUTPUTS; ++k) {
        double sum = 0, square = 0;
        uint64_t above = 0;
        for (int i = 0; i < BLOCK; ++i) {
            const double y = std::max(s.output[k][i], LOWEST);
            sum += y;
            square += y * y;
            above += y > model.limit;
            s.bin[i] = uint32_t((to_bits(y) >> (52 - MANTISSA_BITS)) - first);
        }
        t.sum[k] += sum, t.square[k] += square, t.above[k] += above;
        for (int i = 0; i < BLOCK; ++i) ++t.count[k][s.bin[i]];
    }
}

static double quantile(const uint64_t *count, double rank) {
    double below = 0;
    int bin = 0;
    while (bin < BINS - 1 && below + count[bin] < rank) below += count[bin++];
    const uint64_t first = to_bits(LOWEST) >> (52 - MANTISSA_BITS);
    const double left = from_bits((first + bin) << (52 - MANTISSA_BITS));
    const double right = from_bits((first + bin + 1) << (52 - MANTISSA_BITS));
    return left + (right - left) * (rank - below) / std::max<double>(1, count[bin]);
}

static void summarize(const Model &model, const Tally &t, double draws, Statistics *out) {
    for (int k = 0; k < OUTPUTS; ++k) {
        out->mean[k] = t.sum[k] / draws;
        out->deviation[k] = std::sqrt(t.square[k] / draws - out->mean[k] * out->mean[k]);
        out->exceedance[k] = t.above[k] / draws;
        for (int j = 0; j < LEVELS; ++j)
            out->quantile[k][j] = quantile(t.count[k], model.levels[j] * draws);
    }
}

extern "C" void budget(const Model *model, uint64_t draws, uint64_t seed, int threads,
                       Statistics *out) {
    const uint64_t blocks = (draws + BLOCK - 1) / BLOCK;
    std::vector<Tally> tallies(threads);
    std::vector<std::thread> workers;
    for (int thread = 0; thread < threads; ++thread)
        workers.emplace_back([=, &tallies] {
            Generator generator(seed * 0xd1342543de82ef95 + thread);
            Scratch scratch;
            Tally own;
            for (uint64_t block = thread; block < blocks; block += threads) {
                draw_inputs(*model, generator, scratch);
                evaluate(*model, scratch);
                tally(*model, scratch, own);
            }
            tallies[thread] = own;
        });
    for (auto &worker : workers) worker.join();
    for (int thread = 1; thread < threads; ++thread)
        for (int k = 0; k < OUTPUTS; ++k) {
            tallies[0].sum[k] += tallies[thread].sum[k];
            tallies[0].square[k] += tallies[thread].square[k];
            tallies[0].above[k] += tallies[thread].above[k];
            for (int bin = 0; bin < BINS; ++bin)
                tallies[0].count[k][bin] += tallies[thread].count[k][bin];
        }
    summarize(*model, tallies[0], double(blocks * BLOCK), out);
}
