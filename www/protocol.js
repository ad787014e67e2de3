// The shapes that cross between page, worker and engine. Types only.

/**
 * @typedef {object} Shard one slice of a model file
 * @property {string} file name beside the manifest
 * @property {number} bytes
 * @property {string} sha256
 *
 * @typedef {object} Manifest a model file and its slices, as `cargo xtask models` writes it
 * @property {string} name
 * @property {string} format
 * @property {string} licence
 * @property {number} bytes
 * @property {string} sha256
 * @property {Shard[]} shards
 *
 * @typedef {object} Progress how far a download is
 * @property {string} model
 * @property {number} loaded bytes of the model that are here, checked or still arriving
 * @property {number} total bytes of the model
 * @property {number} downloaded bytes that came over the network this time
 * @property {number} bytesPerSecond of the network, 0 while nothing is downloaded
 * @property {number | null} secondsLeft null while unknown
 *
 * @typedef {object} AdapterReport
 * @property {string} name
 * @property {string} vendor
 * @property {string} architecture
 * @property {string} backend
 * @property {boolean} software true when a processor pretends to be a graphics processor
 * @property {string[]} features
 * @property {string} kernels
 * @property {Record<string, number>} limits
 *
 * @typedef {object} TowerReport
 * @property {number} parameters
 * @property {number} gpu_bytes
 * @property {number} context longest sequence in tokens
 * @property {number} vocabulary
 *
 * @typedef {object} EngineOptions
 * @property {"auto" | "plain" | "tiled"} [kernels]
 * @property {"high-performance" | "low-power"} [power]
 *
 * @typedef {object} TokenEvent
 * @property {"token"} kind
 * @property {number} id
 * @property {string} text what became certain with this token
 * @property {number} index
 *
 * @typedef {object} Timings milliseconds by stage
 * @property {number} tokenize_ms
 * @property {number} prefill_ms
 * @property {number} decode_ms
 * @property {number} total_ms
 *
 * @typedef {object} Generated
 * @property {string} text
 * @property {number[]} token_ids
 * @property {number} prompt_tokens
 * @property {"end" | "length" | "cancelled"} stop
 * @property {number} tokens_per_second
 * @property {Timings} timings
 *
 * @typedef {object} Attention what the steps of one tower look at in the other
 * @property {string[]} rows what each step wrote
 * @property {number} columns positions of the other tower
 * @property {number[]} weights rows × columns, 0 to 255, the row's largest 255
 *
 * @typedef {object} Heard one segment of speech
 * @property {string} text
 * @property {number[]} token_ids
 * @property {number[]} codes speech tokens
 * @property {number} seconds
 * @property {Word[]} words with their times in the segment; none where they could not be aligned
 * @property {number} rtf work time over audio time
 * @property {string} stop
 * @property {Attention} [attention] if it was asked for
 * @property {Record<string, number>} timings
 *
 * @typedef {object} Segment a stretch of speech
 * @property {number} start sample
 * @property {number} end sample, not included
 *
 * @typedef {object} VoiceInfo
 * @property {string} name
 * @property {string} label
 * @property {string} gender
 * @property {string} accent
 *
 * @typedef {object} Piece a sentence or part of one
 * @property {number} start where it begins in the text
 * @property {number} end where it ends
 * @property {string} spoken how it is read aloud
 * @property {boolean} paragraph whether a paragraph ends with it
 *
 * @typedef {object} Said
 * @property {number[]} codes speech tokens
 * @property {number} seconds
 * @property {number} rtf work time over sound time
 * @property {string} stop
 * @property {Attention} [attention] if it was asked for: what each speech token looked at in the spelled text; the last column is its end
 * @property {Record<string, number>} timings
 *
 * @typedef {object} Word
 * @property {string} word
 * @property {number} start seconds
 * @property {number} end seconds
 *
 * @typedef {object} Transcript
 * @property {string} text
 * @property {Word[]} words
 * @property {"alignment" | "estimated"} word_times where the words' times come from: the likeliest path of their letters, or spread over the segment
 * @property {{ text: string, start: number, end: number, words: Word[] }[]} segments
 * @property {number} seconds
 * @property {number} rtf
 * @property {Record<string, number>} timings
 *
 * @typedef {{ id: number, method: string, args: unknown[] }} Request
 * @typedef {{ id: number, value?: unknown, error?: { code: string, message: string }, event?: unknown }} Reply
 */

export {};
