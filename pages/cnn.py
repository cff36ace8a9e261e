"""Pictures (CNN): small windows slide over a picture until the network sees what it is."""

from pages._frame.page import show

show("cnn")
