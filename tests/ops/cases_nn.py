"""Calls of the functions of neural networks that windows and activations do not cover."""

from __future__ import annotations

import numpy as np

from tests.ops.case import B, Case, W, case, each, exactly, stepwise

FIRST = {"data_format": "channels_first"}

ADAPTIVE: list[Case] = [
    *each("adaptive_average_pool adaptive_max_pool", B(2, 7, 3), 4),
    *each("adaptive_average_pool adaptive_max_pool", B(2, 6, 7, 3), (4, 3)),
    *each("adaptive_average_pool adaptive_max_pool", B(2, 6, 7, 3), output_size=3),
    *each("adaptive_average_pool adaptive_max_pool", B(2, 6, 7, 3), [9, 1]),
    *each("adaptive_average_pool adaptive_max_pool", B(2, 3, 6, 7), (1, 4), **FIRST),
    *each("adaptive_average_pool adaptive_max_pool", B(2, 3, 7), 2, **FIRST),
    *each("adaptive_average_pool adaptive_max_pool", B(2, 4, 5, 6, 2), (2, 3, 5)),
]

BLOCKS: list[Case] = [
    case("depth_to_space", B(2, 3, 2, 8), 2),
    case("depth_to_space", B(2, 18, 3, 2), 3, **FIRST),
    case("depth_to_space", B(2, 3, 2, 8, dtype="int32"), block_size=2),
    case("space_to_depth", B(2, 4, 6, 3), 2),
    case("space_to_depth", B(2, 3, 6, 9), 3, "channels_first"),
    case("space_to_depth", B(2, 4, 6, 3, dtype="uint8", low=0), block_size=2, data_format="channels_last"),
    case("unfold", B(2, 3, 6, 7), 2),
    case("unfold", B(2, 3, 6, 7), (2, 3), 2, (1, 0), (1, 2)),
    case("unfold", B(2, 3, 6, 7), kernel_size=3, dilation=1, padding=1, stride=2),
    case("fold", B(2, 12, 20), (5, 6), 2),
    case("fold", B(2, 12, 9), output_size=6, kernel_size=2, stride=2),
    case("fold", B(2, 12, 6), (5, 6), (2, 3), dilation=(2, 1), padding=(1, 0), stride=(2, 2)),
]

QUERY, KEY, VALUE = B(2, 5, 4, 8), B(2, 7, 4, 8, low=-2), B(2, 7, 4, 6)
SEEN = exactly(np.tril(np.ones((2, 1, 5, 7)), 1), "bool")
HIDDEN = exactly(np.array([True, False, True, True, False])[None, None, :, None] & np.ones((2, 1, 5, 7), bool), "bool")

ATTENTION: list[Case] = [
    case("dot_product_attention", QUERY, KEY, VALUE),
    case("dot_product_attention", QUERY, KEY, VALUE, B(2, 4, 5, 7)),
    case("dot_product_attention", QUERY, KEY, VALUE, bias=W(1, 4, 1, 7)),
    case("dot_product_attention", QUERY, KEY, VALUE, None, SEEN),
    case("dot_product_attention", QUERY, KEY, VALUE, mask=HIDDEN),
    case("dot_product_attention", QUERY, KEY, VALUE, mask=SEEN, scale=0.7),
    case("dot_product_attention", QUERY, KEY, VALUE, is_causal=True),
    case("dot_product_attention", QUERY, KEY, VALUE, mask=SEEN, is_causal=True),
    case("dot_product_attention", QUERY, B(2, 7, 2, 8), B(2, 7, 2, 8, low=-1), is_causal=True),
    case("dot_product_attention", QUERY, B(2, 7, 1, 8), B(2, 7, 1, 8, low=-1), mask=SEEN),
    case("dot_product_attention", QUERY, KEY, VALUE, flash_attention=False, attn_logits_soft_cap=None),
]

# Three sequences over five classes; the last of five steps.
LOGITS = B(3, 8, 5)
LENGTHS = exactly([8, 6, 5], "int32")
LABELS, LABEL_LENGTHS = exactly([[1, 2, 2, 4], [3, 1, 0, 0], [4, 4, 1, 0]], "int32"), exactly([4, 2, 3], "int32")
BEST, LAST = {"strategy": "beam_search"}, {"mask_index": 4}

CTC: list[Case] = [
    case("ctc_loss", LABELS, LOGITS, LABEL_LENGTHS, LENGTHS),
    case("ctc_loss", exactly([[1, 2, 2, 0], [3, 1, 0, 0], [0, 3, 1, 0]]), LOGITS, LABEL_LENGTHS, LENGTHS, **LAST),
    case("ctc_decode", LOGITS, LENGTHS),
    case("ctc_decode", LOGITS, LENGTHS, "greedy", merge_repeated=False),
    case("ctc_decode", LOGITS, sequence_lengths=LENGTHS, mask_index=4),
    case("ctc_decode", LOGITS, LENGTHS, mask_index=None),
    stepwise("ctc_decode", LOGITS, LENGTHS, **BEST),
    stepwise("ctc_decode", LOGITS, LENGTHS, "beam_search", 7, 3),
    stepwise("ctc_decode", LOGITS, LENGTHS, beam_width=20, top_paths=4, **LAST, **BEST),
    stepwise("ctc_decode", B(2, 12, 3, low=-1, high=1), exactly([12, 9], "int32"), beam_width=3, top_paths=2, **BEST),
    stepwise("ctc_decode", B(1, 3, 2), exactly([3], "int32"), beam_width=50, top_paths=2, mask_index=None, **BEST),
]

ENCODED: list[Case] = [
    case("multi_hot", B(4, 3, dtype="int32", low=-1, high=6), 5),
    case("multi_hot", B(4, 3, 2, dtype="int64", low=0, high=5), num_classes=5, axis=-1, dtype="int32"),
    case("multi_hot", W(4, dtype="int32", low=0, high=5), 6, sparse=False),
    case("multi_hot", B(4, 3, dtype="uint8", low=0, high=5), 5, dtype="bool"),
    case("multi_hot", B(4, 3, dtype="int32", low=0, high=5), num_tokens=5),
    case("psnr", B(2, 6, 7, 3), B(2, 6, 7, 3, low=-2), 6.0),
    case("psnr", W(6, 7, low=0, high=255), W(6, 7, low=0, high=200), max_val=255),
]

NN_CASES = [*ADAPTIVE, *BLOCKS, *ATTENTION, *CTC, *ENCODED]
