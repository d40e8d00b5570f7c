"""`python -m unet_studio` is `unet-studio`."""

from unet_studio.app import main

main()
