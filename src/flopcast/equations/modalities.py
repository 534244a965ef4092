"""Bytes and FLOPs of text, images, audio and video."""
# mypy: allow-untyped-defs, allow-untyped-calls

from flopcast.equations.registry import equation


@equation(
    source="a16z", unit="token", text_characters="character", characters_per_token="character/token"
)
def text_tokens(text_characters, characters_per_token=4.0):
    """Tokens of a text: about 4 characters each.

    Symbol: none ("the average length of a token is 4 characters")
    Valid: English; other languages and code take more tokens
    """
    return text_characters / characters_per_token


@equation(
    source="cost-per-byte", unit="byte", generated_tokens="token", bytes_per_token="byte/token"
)
def text_bytes(generated_tokens, bytes_per_token=4.0):
    """Bytes of a text by its tokens.

    Symbol: S = N_token x B_token, Eq 9
    Valid: English at one byte a character
    """
    return generated_tokens * bytes_per_token


@equation(
    source="cost-per-byte",
    unit="byte",
    text_characters="character",
    bytes_per_character="byte/character",
)
def text_bytes_by_characters(text_characters, bytes_per_character=1.0):
    """Bytes of a text by its characters.

    Symbol: S
    Valid: one byte a character is ASCII; UTF-8 takes up to 4
    """
    return text_characters * bytes_per_character


@equation(
    source="cost-per-byte",
    unit="USD",
    text_characters="character",
    character_price="USD/Mcharacter",
)
def character_bill(text_characters, character_price):
    """Price of a text-to-speech service that charges by the character.

    Symbol: none (the check of the audio example: 4 USD per 1e6 characters)
    Valid: about 1,000 characters are a minute of speech
    """
    return text_characters * character_price


@equation(source="cost-per-byte", unit="pixel", image_width="pixel", image_height="1")
def image_pixels(image_width, image_height):
    """Pixels of an image: pixels in a row times rows.

    Symbol: N_pixel
    Valid: rectangular images
    """
    return image_width * image_height


@equation(source="cost-per-byte", unit="byte", image_pixels="pixel", bytes_per_pixel="byte/pixel")
def image_bytes(image_pixels, bytes_per_pixel=3.0):
    """Bytes of an image.

    Symbol: S = N_pixel x B_pixel
    Valid: uncompressed; 3 bytes a pixel are 8-bit RGB
    """
    return image_pixels * bytes_per_pixel


@equation(source="cost-per-byte", unit="FLOP", image_pixels="pixel", flops_per_pixel="FLOP/pixel")
def image_flops(image_pixels, flops_per_pixel):
    """FLOPs to generate an image.

    Symbol: F_total = F_pixel x N_pixel
    Valid: FLOPs per pixel hold at one size of image; they count all denoising steps of a diffusion
        model
    """
    return image_pixels * flops_per_pixel


@equation(source="cost-per-byte", unit="sample", sample_rate="sample/s", audio_duration="s")
def audio_samples(sample_rate, audio_duration):
    """All samples in a piece of audio.

    Symbol: N_sample_total
    Valid: one channel
    """
    return sample_rate * audio_duration


@equation(
    source="cost-per-byte", unit="byte", audio_samples="sample", bytes_per_sample="byte/sample"
)
def audio_bytes(audio_samples, bytes_per_sample=2.0):
    """Bytes of a piece of audio.

    Symbol: S = N_sample_total x B_sample, Eq 14
    Valid: uncompressed; 2 bytes a sample are 16 bits
    """
    return audio_samples * bytes_per_sample


@equation(
    source="cost-per-byte", unit="FLOP", audio_samples="sample", flops_per_sample="FLOP/sample"
)
def audio_flops(audio_samples, flops_per_sample):
    """FLOPs to generate a piece of audio sample by sample.

    Symbol: F_total = F_sample x N_sample_total, Eq 13
    Valid: autoregressive models of raw audio such as WaveNet
    """
    return audio_samples * flops_per_sample


@equation(source="cost-per-byte", unit="frame", frame_rate="frame/s", video_duration="s")
def video_frames(frame_rate, video_duration):
    """Frames of a video.

    Symbol: N_frame
    Valid: a constant frame rate
    """
    return frame_rate * video_duration


@equation(source="cost-per-byte", unit="pixel/frame", frame_width="pixel/frame", frame_height="1")
def frame_pixels(frame_width, frame_height):
    """Pixels of a frame: pixels in a row times rows.

    Symbol: N_pixel_per_frame
    Valid: rectangular frames
    """
    return frame_width * frame_height


@equation(
    source="cost-per-byte",
    unit="byte",
    video_frames="frame",
    frame_pixels="pixel/frame",
    bytes_per_pixel="byte/pixel",
)
def video_bytes(video_frames, frame_pixels, bytes_per_pixel=3.0):
    """Bytes of a video.

    Symbol: S = N_frame x N_pixel_per_frame x B_pixel, Eq 21
    Valid: uncompressed; 3 bytes a pixel are 8-bit RGB
    ! The source prints 354,418,688 bytes; 1,800 x 65,536 x 3 is 353,894,400, which makes 5.086e9
        FLOPs and 4.069e-6 s per byte of its 5.08e9 and 4.064e-6. Time and cost stay the same.
    """
    return video_frames * frame_pixels * bytes_per_pixel


@equation(source="cost-per-byte", unit="FLOP", video_frames="frame", flops_per_frame="FLOP/frame")
def video_flops(video_frames, flops_per_frame):
    """FLOPs to generate a video frame by frame.

    Symbol: F_total = F_frame x N_frame, Eq 22
    Valid: FLOPs per frame hold at one resolution
    """
    return video_frames * flops_per_frame
