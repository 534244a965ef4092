"""The compiled part of flopcast: arrays in, arrays out, no checks, no labels, no units."""
