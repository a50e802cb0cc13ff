"""The commands, by what they are about; each parses nothing and computes nothing itself."""
