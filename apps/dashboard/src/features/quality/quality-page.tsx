/** Does the model still work? Accuracy by version with and without labels, what labels say in detail, and the least sure devices. */
import { useParams } from '@tanstack/react-router';
import { Section } from '../../components/page';
import { Accuracy } from './accuracy';
import { ClassMixOverTime, VersionsOverTime } from './charts';
import { QualityFrame, RangeControl, useRange } from './frame';
import { VersionDetail } from './version-detail';
import './quality.css';

export function QualityPage() {
  const { project } = useParams({ from: '/p/$project/quality' });
  const { hours, range } = useRange();
  return (
    <QualityFrame
      project={project}
      about="How good models are in the field: from labels where there are some, estimated where there are none."
      actions={<RangeControl />}
    >
      <Accuracy project={project} range={range} />
      <VersionDetail
        project={project}
        range={range}
        days={Math.max(1, Math.min(90, Math.ceil(hours / 24)))}
      />
      <Section title="Predicted classes" about="Share of each class among all predictions">
        <ClassMixOverTime project={project} range={range} />
      </Section>
      <Section title="Devices per version" about="By the version that they reported with">
        <VersionsOverTime project={project} range={range} />
      </Section>
    </QualityFrame>
  );
}
