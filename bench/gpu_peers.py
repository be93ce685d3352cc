"""Other engines on the same GPU with the same work: transformers, and the model
in plain PyTorch. For bench/gpu.py."""

import random
import time

MEAN_LENGTH = 27


def sentence_lengths(count):
    """Lengths as of news: mean 27, deviation 15, 3 to 100."""
    generator = random.Random(7)
    lengths = []
    while len(lengths) < count:
        length = round(generator.gauss(MEAN_LENGTH, 15))
        if 3 <= length <= 100:
            lengths.append(length)
    return sorted(lengths, reverse=True)


def sentences_for(batch, beam):
    return {1: 16}.get(batch, batch * (8 if batch * beam <= 512 else 4))


def batches_of(lengths, batch):
    return [lengths[i:i + batch] for i in range(0, len(lengths), batch)]


def time_transformers(torch, beam, batch, static):
    import transformers
    config = transformers.MarianConfig(
        vocab_size=32000, d_model=512, encoder_layers=6, decoder_layers=6,
        encoder_ffn_dim=2048, decoder_ffn_dim=2048, encoder_attention_heads=8,
        decoder_attention_heads=8, max_position_embeddings=256, pad_token_id=0,
        eos_token_id=2, decoder_start_token_id=0, forced_eos_token_id=None)
    torch.manual_seed(1)
    model = transformers.MarianMTModel(config).half().cuda().eval()
    options = {"cache_implementation": "static"} if static else {}
    lengths = sentence_lengths(sentences_for(batch, beam))[:batch * 4]

    def run():
        tokens = 0
        for group in batches_of(lengths, batch):
            longest = group[0]
            ids = torch.randint(4, 32000, (len(group), longest), device="cuda")
            mask = (torch.arange(longest, device="cuda")[None, :] <
                    torch.tensor(group, device="cuda")[:, None]).long()
            model.generate(input_ids=ids, attention_mask=mask, num_beams=beam,
                           min_new_tokens=longest, max_new_tokens=longest,
                           do_sample=False, **options)
            tokens += sum(group)
        torch.cuda.synchronize()
        return tokens

    with torch.inference_mode():
        run()
        start = time.monotonic()
        tokens = run()
        return tokens / (time.monotonic() - start)


def time_pytorch(torch, batch):
    """The base model in plain PyTorch: static cache, compiled step, greedy."""
    from torch import nn
    from torch.nn import functional as f
    width, heads, layers, vocabulary, longest = 512, 8, 6, 32000, 128

    class Layer(nn.Module):
        def __init__(self, is_decoder):
            super().__init__()
            self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
            self.qkv = nn.Linear(width, 3 * width)
            self.out = nn.Linear(width, width)
            self.inner = nn.Linear(width, 2048)
            self.outer = nn.Linear(2048, width)
            if is_decoder:
                self.query = nn.Linear(width, width)
                self.source = nn.Linear(width, 2 * width)
                self.cross_out = nn.Linear(width, width)

        def ffn(self, x):
            return x + self.outer(f.relu(self.inner(self.norms[2](x))))

    def split(x):
        return x.unflatten(-1, (heads, width // heads)).transpose(1, 2)

    def join(x):
        return x.transpose(1, 2).flatten(2)

    torch.manual_seed(1)
    embedding = nn.Embedding(vocabulary, width).half().cuda()
    encoder = nn.ModuleList(Layer(False) for _ in range(layers)).half().cuda()
    decoder = nn.ModuleList(Layer(True) for _ in range(layers)).half().cuda()
    output = nn.Linear(width, vocabulary).half().cuda()

    def encode(ids, mask):
        x = embedding(ids)
        for layer in encoder:
            q, k, v = layer.qkv(layer.norms[0](x)).chunk(3, -1)
            x = x + layer.out(join(f.scaled_dot_product_attention(
                split(q), split(k), split(v), attn_mask=mask[:, None, None, :])))
            x = layer.ffn(x)
        return x

    def step(token, position, keys, values, source_keys, source_values, mask):
        x = embedding(token)[:, None]
        seen = (torch.arange(longest, device="cuda") <= position)[None, None, None]
        for n, layer in enumerate(decoder):
            q, k, v = layer.qkv(layer.norms[0](x)).chunk(3, -1)
            keys[n].index_copy_(2, position, split(k))
            values[n].index_copy_(2, position, split(v))
            x = x + layer.out(join(f.scaled_dot_product_attention(
                split(q), keys[n], values[n], attn_mask=seen)))
            x = x + layer.cross_out(join(f.scaled_dot_product_attention(
                split(layer.query(layer.norms[1](x))), source_keys[n],
                source_values[n], attn_mask=mask[:, None, None, :])))
            x = layer.ffn(x)
        return output(x[:, 0]).argmax(-1)

    compiled = torch.compile(step, mode="reduce-overhead")
    lengths = sentence_lengths(sentences_for(batch, 1))[:batch * 2]
    shape = (layers, batch, heads, longest, width // heads)
    keys = torch.zeros(shape, device="cuda", dtype=torch.float16)
    values = torch.zeros_like(keys)

    def run():
        tokens = 0
        for group in batches_of(lengths, batch):
            ids = torch.randint(4, vocabulary, (batch, longest), device="cuda")
            mask = (torch.arange(longest, device="cuda")[None, :] <
                    torch.tensor(group, device="cuda")[:, None])
            encoded = encode(ids, mask)
            pairs = [layer.source(encoded).chunk(2, -1) for layer in decoder]
            source_keys = torch.stack([split(k) for k, _ in pairs])
            source_values = torch.stack([split(v) for _, v in pairs])
            token = torch.zeros(batch, device="cuda", dtype=torch.long)
            for position in range(group[0]):
                token = compiled(token, torch.tensor([position], device="cuda"), keys,
                                 values, source_keys, source_values, mask).clone()
            tokens += sum(group)
        torch.cuda.synchronize()
        return tokens

    with torch.inference_mode():
        run()
        start = time.monotonic()
        tokens = run()
        return tokens / (time.monotonic() - start)


def peers(torch):
    """Rows of a table, printed as they come."""
    jobs = []
    for batch in (1, 64, 512):
        jobs.append((f"PyTorch {torch.__version__}, compiled, greedy", batch,
                     lambda batch=batch: time_pytorch(torch, batch)))
    for beam in (1, 4):
        for batch in (1, 64):
            for static in (False, True):
                cache = "static cache" if static else "dynamic cache"
                jobs.append((f"transformers generate, beam {beam}, {cache}", batch,
                             lambda beam=beam, batch=batch, static=static:
                             time_transformers(torch, beam, batch, static)))
    deadline = time.monotonic() + 240
    rows = []
    for name, batch, job in jobs:
        if time.monotonic() > deadline:
            print(f"| {name} | {batch} | left out: no time |", flush=True)
            continue
        try:
            rate = job()
        except Exception as error:  # a peer that fails is a line, not the end
            reason = str(error).splitlines()[0][:80] if str(error) else ""
            print(f"| {name} | {batch} | {type(error).__name__}: {reason} |",
                  flush=True)
            continue
        rows.append({"peer": name, "batch": batch, "tokens_per_second": rate})
        print(f"| {name} | {batch} | {rate:,.0f} |", flush=True)
    return rows
