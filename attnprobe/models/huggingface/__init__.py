"""Hugging Face models: checkpoints from a folder or the hub, sub-word pieces, fine-tuning (extra ``attnprobe[hf]``)."""
