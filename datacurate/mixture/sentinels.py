"""Names of the tokens that stages mark documents with.

Tokenizers list some of them as ordinary added tokens (DeepSeek-Coder's are), which a page that spells them out would
become. Here they are control tokens wherever a tokenizer has them: no text makes one.
"""

from __future__ import annotations

STARCODER = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
"""StarCoder (Li et al. 2023) and StarCoder2."""
CODE_LLAMA = ("▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>")
"""Code Llama (Rozière et al. 2023), as its tokenizer spells them."""
DEEPSEEK = ("<\uff5cfim▁begin\uff5c>", "<\uff5cfim▁hole\uff5c>", "<\uff5cfim▁end\uff5c>")
"""DeepSeek-Coder (Guo et al. 2024) and DeepSeek-V3."""
QWEN = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
"""Qwen2.5-Coder (Hui et al. 2024); CodeGemma has the same."""
STARCODER2_FILES = ("<repo_name>", "<file_sep>")
"""StarCoder2 (Lozhkov et al. 2024), in front of a repository's name and of each file."""
QWEN_FILES = ("<|repo_name|>", "<|file_sep|>")
"""Qwen2.5-Coder."""
ALL = frozenset((*STARCODER, *CODE_LLAMA, *DEEPSEEK, *QWEN, *STARCODER2_FILES, *QWEN_FILES))
