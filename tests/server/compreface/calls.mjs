// Every call of the published JavaScript SDK, against a server: what each gives, as a list of JSON.
// usage: node calls.mjs SDK SERVER PORT KEY ANN_1 ANN_2 BOB (pictures: paths)
import fs from 'fs';

const [sdk, server, port, key, ann, again, bob] = process.argv.slice(2);
const { CompreFace } = await import(sdk);
console.log = () => {}; // the SDK logs keys

const face = new CompreFace(server, Number(port), { det_prob_threshold: 0.5 });
const recognition = face.initFaceRecognitionService(key);
const detection = face.initFaceDetectionService(key);
const verification = face.initFaceVerificationService(key);
const answers = [];

async function call(name, made) {
    try {
        const answer = await made();
        const value = answer && answer.data !== undefined && answer.status ? answer.data : answer;
        answers.push({ name, value });
        return value;
    } catch (error) {
        const response = error.response;
        answers.push({ name, status: response ? response.status : 0,
                       error: response ? response.data : String(error) });
        return null;
    }
}

const base64 = path => fs.readFileSync(path).toString('base64');
const options = { limit: 1, prediction_count: 2, face_plugins: 'age,gender,landmarks,calculator,mask,pose',
                  status: true };

await call('subjects.add', () => recognition.getSubjects().add('Ann'));
await call('subjects.add again', () => recognition.getSubjects().add('Ann'));
const added = await call('faces.add', () => recognition.getFaceCollection().add(ann, 'Ann', { det_prob_threshold: 0.4 }));
await call('faces.add base64', () => recognition.getFaceCollection().add(base64(again), 'Ann', {}));
await call('faces.add spaced', () => recognition.getFaceCollection().add(bob, 'first%20last', { det_prob_threshold: 0.8 }));
await call('faces.list', () => recognition.getFaceCollection().list());
await call('subjects.list', () => recognition.getSubjects().list());
await call('recognize', () => recognition.recognize(ann, options));
await call('recognize plain', () => recognition.recognize(base64(bob), {}));
await call('faces.verify', () => recognition.getFaceCollection().verify(again, added.image_id, options));
await call('detect', () => detection.detect(ann, options));
await call('detect linked', () => detection.detect(ann, { face_plugins: 'landmarks', status: true }));
await call('verify', () => verification.verify(ann, again, options));
await call('verify base64', () => verification.verify(base64(ann), base64(bob), {}));
await call('subjects.rename', () => recognition.getSubjects().rename('Ann', 'Anna'));
await call('faces.delete', () => recognition.getFaceCollection().delete(added.image_id));
await call('faces.delete again', () => recognition.getFaceCollection().delete(added.image_id));
const left = await recognition.getFaceCollection().list();
await call('faces.delete_multiple', () => recognition.getFaceCollection().delete_multiple_images([left.faces[0].image_id]));
await call('faces.delete_all_subject', () => recognition.getFaceCollection().delete_all_subject('first%20last'));
await call('faces.delete_all', () => recognition.getFaceCollection().delete_all());
await call('subjects.delete', () => recognition.getSubjects().delete('Anna'));
await call('subjects.delete nobody', () => recognition.getSubjects().delete('Nobody'));
await call('subjects.deleteAll', () => recognition.getSubjects().deleteAll());
process.stdout.write(JSON.stringify(answers));
