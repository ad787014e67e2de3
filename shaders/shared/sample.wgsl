// Drawing a token from logits without the host. What every stage shares.
//
// partial (256 lanes) -> first (1)                                                        greedy: two dispatches
// partial (256 lanes) -> histogram (256) -> threshold (1) -> collect (256) -> rank -> draw (1)     sampled: six
struct Params {
    vocabulary: u32,
    advance: u32, // rows that were just processed
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> controls: array<u32>;
@group(0) @binding(3) var<storage, read_write> state: array<u32>;
@group(0) @binding(4) var<storage, read_write> drawn: array<u32>;
@group(0) @binding(5) var<storage, read_write> scratch: array<atomic<u32>>;

const LANES = 256u;
const BINS = 2048u;
const BINS_PER_NAT = 64.0;
const MOST = 4096u; // candidates that are kept
const MOST_K = 128u;

// Regions of scratch.
const PART_VALUE = 0u;                 // [LANES] f32 bits: largest logit of each lane
const PART_ID = 256u;                  // [LANES] its id
const HISTOGRAM = 512u;                // [BINS]
const THRESHOLD = 2560u;               // last bin that is collected
const FOUND = 2561u;                   // candidates collected
const CANDIDATE_ID = 2624u;            // [MOST]
const CANDIDATE_VALUE = 6720u;         // [MOST] f32 bits
const SORTED_ID = 10816u;              // [MOST_K]
const SORTED_VALUE = 10944u;           // [MOST_K] f32 bits

const NONE = 0xffffffffu;
const LOWEST = -1.0e30;
const BROKEN = 3.4e38; // stands for a logit that is no number or endless

fn temperature() -> f32 { return max(bitcast<f32>(controls[0]), 1.0e-6); }
fn top_k() -> u32 { return clamp(controls[1], 1u, MOST_K); }
fn top_p() -> f32 { return bitcast<f32>(controls[2]); }
fn end_token() -> u32 { return controls[5]; }

// Ids from controls[6] on are never drawn (0: no limit), nor is controls[7], nor the end token among the first
// controls[8] tokens.
fn logit(id: u32) -> f32 {
    let beyond = controls[6] != 0u && id >= controls[6];
    let early = id == controls[5] && state[3] < controls[8];
    return select(logits[id], LOWEST, beyond || early || id == controls[7]);
}

fn largest() -> f32 {
    var top = LOWEST;
    for (var i = 0u; i < LANES; i++) {
        top = max(top, bitcast<f32>(atomicLoad(&scratch[PART_VALUE + i])));
    }
    return top;
}

fn bin(top: f32, value: f32) -> u32 {
    return u32(clamp((top - value) * BINS_PER_NAT, 0.0, f32(BINS - 1u)));
}

// By its bits: a compiler may take it that floats are numbers. Endlessly unlikely is fine.
fn is_broken(v: f32) -> bool {
    let bits = bitcast<u32>(v);
    return (bits & 0x7fffffffu) >= 0x7f800000u && bits != 0xff800000u;
}

// Where no logit may be drawn, or one that may be is broken, no token is: the host makes an error of it.
fn choice_or_none(top: f32, id: u32) -> u32 { return select(NONE, id, top > LOWEST && top < BROKEN); }

// Writes the token where the next step and the host find it.
fn take(id: u32) {
    let number = state[3];
    drawn[min(number, arrayLength(&drawn) - 1u)] = id;
    state[0] += p.advance;
    state[1] = id;
    state[2] = select(state[2], 1u, id == end_token());
    state[3] = number + 1u;
}
