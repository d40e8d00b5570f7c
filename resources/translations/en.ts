<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>Accepting</name>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/session/accepting.py" line="77"/>
        <source>accept the proposals of %n plane(s)</source>
        <translation>
            <numerusform>accept the proposals of %n plane</numerusform>
            <numerusform>accept the proposals of %n planes</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/session/accepting.py" line="83"/>
        <source>%n proposal(s) could not be accepted. {0}</source>
        <translation>
            <numerusform>%n proposal could not be accepted. {0}</numerusform>
            <numerusform>%n proposals could not be accepted. {0}</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Comparing</name>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/jobs/comparing.py" line="35"/>
        <source>%n slide(s) were left out of the comparison.</source>
        <translation>
            <numerusform>%n slide was left out of the comparison.</numerusform>
            <numerusform>%n slides were left out of the comparison.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Exporting</name>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/jobs/exporting.py" line="46"/>
        <source>%n file(s) there would be replaced that this program didn&apos;t write.</source>
        <translation>
            <numerusform>%n file there would be replaced that this program didn&apos;t write.</numerusform>
            <numerusform>%n files there would be replaced that this program didn&apos;t write.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/jobs/exporting.py" line="55"/>
        <source>%n slide(s) could not be exported.</source>
        <translation>
            <numerusform>%n slide could not be exported.</numerusform>
            <numerusform>%n slides could not be exported.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/jobs/exporting.py" line="59"/>
        <source>Stopped: {written} of %n file(s) written.</source>
        <translation>
            <numerusform>Stopped: {written} of %n file written.</numerusform>
            <numerusform>Stopped: {written} of %n files written.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/jobs/exporting.py" line="62"/>
        <source>%n file(s) written.</source>
        <translation>
            <numerusform>%n file written.</numerusform>
            <numerusform>%n files written.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>MaskFiles</name>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/session/mask_files.py" line="52"/>
        <source>mask files of %n slide(s)</source>
        <translation>
            <numerusform>mask files of %n slide</numerusform>
            <numerusform>mask files of %n slides</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>MessageBar</name>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/panels/message_bar.py" line="193"/>
        <source>%n more</source>
        <translation>
            <numerusform>%n more</numerusform>
            <numerusform>%n more</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Proposing</name>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/jobs/proposing.py" line="59"/>
        <source>%n slide(s)</source>
        <translation>
            <numerusform>%n slide</numerusform>
            <numerusform>%n slides</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/jobs/proposing.py" line="142"/>
        <source>%n slide(s) could not be proposed; the others are done.</source>
        <translation>
            <numerusform>%n slide could not be proposed; the others are done.</numerusform>
            <numerusform>%n slides could not be proposed; the others are done.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>RetrainPanel</name>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/panels/retrain_panel.py" line="125"/>
        <source>Retrain on %n slide(s)</source>
        <translation>
            <numerusform>Retrain on %n slide</numerusform>
            <numerusform>Retrain on %n slides</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/panels/retrain_panel.py" line="127"/>
        <source>Train a first model on %n slide(s)</source>
        <translation>
            <numerusform>Train a first model on %n slide</numerusform>
            <numerusform>Train a first model on %n slides</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/panels/retrain_panel.py" line="143"/>
        <source>Judged on %n held-out slide(s).</source>
        <translation>
            <numerusform>Judged on %n held-out slide.</numerusform>
            <numerusform>Judged on %n held-out slides.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Session</name>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/session/session.py" line="114"/>
        <source>%n file(s) of the folder can&apos;t be used and are left out.</source>
        <translation>
            <numerusform>%n file of the folder can&apos;t be used and is left out.</numerusform>
            <numerusform>%n files of the folder can&apos;t be used and are left out.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>StatusLine</name>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/panels/status_line.py" line="61"/>
        <source>⚠ %n change(s) could not be saved</source>
        <translation>
            <numerusform>⚠ %n change could not be saved</numerusform>
            <numerusform>⚠ %n changes could not be saved</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/panels/status_line.py" line="64"/>
        <source>⚠ %n change(s) not saved yet</source>
        <translation>
            <numerusform>⚠ %n change not saved yet</numerusform>
            <numerusform>⚠ %n changes not saved yet</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/panels/status_line.py" line="95"/>
        <source>Saving %n change(s)…</source>
        <translation>
            <numerusform>Saving %n change…</numerusform>
            <numerusform>Saving %n changes…</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Tuning</name>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/jobs/tuning.py" line="37"/>
        <source>Nothing that was tried on %n labelled plane(s) divides better than the clean-up as it is: its agreement with your labels (V-Rand) is {0:.3f}.</source>
        <translation>
            <numerusform>Nothing that was tried on %n labelled plane divides better than the clean-up as it is: its agreement with your labels (V-Rand) is {0:.3f}.</numerusform>
            <numerusform>Nothing that was tried on %n labelled planes divides better than the clean-up as it is: its agreement with your labels (V-Rand) is {0:.3f}.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/jobs/tuning.py" line="44"/>
        <source>Tuned on %n labelled plane(s): smoothing {0:g} px, height {1:g}. The agreement with your labels (V-Rand) is {2:.3f}, before {3:.3f}.</source>
        <translation>
            <numerusform>Tuned on %n labelled plane: smoothing {0:g} px, height {1:g}. The agreement with your labels (V-Rand) is {2:.3f}, before {3:.3f}.</numerusform>
            <numerusform>Tuned on %n labelled planes: smoothing {0:g} px, height {1:g}. The agreement with your labels (V-Rand) is {2:.3f}, before {3:.3f}.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>UnexpectedDialog</name>
    <message numerus="yes">
        <location filename="../../unet_studio/gui/window/unexpected.py" line="113"/>
        <source>%n change(s) are not on the disk yet; saving goes on.</source>
        <translation>
            <numerusform>%n change is not on the disk yet; saving goes on.</numerusform>
            <numerusform>%n changes are not on the disk yet; saving goes on.</numerusform>
        </translation>
    </message>
</context>
</TS>
